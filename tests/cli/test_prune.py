"""`repro prune` as a user meets it."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pruneproof.cli import execute
from pruneproof.values.masks import MaskSet

REPRO = [sys.executable, "-c", "import sys; from pruneproof.cli import main; main()"]


@pytest.fixture
def model(tmp_path):
    random = torch.Generator().manual_seed(0)
    tensors = {
        "fc1.weight": torch.randn(30, 20, generator=random),
        "fc1.bias": torch.randn(30, generator=random),
        "fc2.weight": torch.randn(10, 30, generator=random).bfloat16(),
        "steps": torch.tensor([[3, 4]]),
    }
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    return tmp_path / "model.safetensors", tensors


@pytest.fixture
def sharded(tmp_path):
    folder = tmp_path / "sharded"
    folder.mkdir()
    shards = {"a.safetensors": {"x": torch.arange(8.0).reshape(2, 4)}, "b.safetensors": {"w": torch.ones(2, 4).half()}}
    for shard, tensors in shards.items():
        save_file(tensors, folder / shard, metadata={"format": "pt"})
    placed = {name: shard for shard, tensors in shards.items() for name in tensors}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 48}, "weight_map": placed}))
    return index


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def repro(*arguments):
    return execute(["prune", *map(str, arguments)])


def test_an_exact_count_is_pruned_and_all_else_stays(model, tmp_path, capsys):
    source, tensors = model
    before = source.read_bytes()
    assert repro(source, "--sparsity", 0.9, "-o", tmp_path / "pruned.safetensors", "-q") == 0
    assert capsys.readouterr() == ("", "")
    assert source.read_bytes() == before
    written = load_file(tmp_path / "pruned.safetensors")
    assert sum(int(written[name].count_nonzero()) for name in ("fc1.weight", "fc2.weight")) == 900 - 810
    for name, tensor in written.items():
        assert torch.equal(tensor, tensors[name] * (tensor != 0))
    assert torch.equal(written["fc1.bias"], tensors["fc1.bias"])
    assert torch.equal(written["steps"], tensors["steps"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "pruned.safetensors"]


def test_the_file_says_how_it_was_made_and_keeps_its_metadata(model, tmp_path):
    source, _ = model
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    repro(source, "--keep", 500, "-o", first, "-q")
    repro(first, "--keep", 100, "-o", second, "-q")
    metadata = safe_open(second, "pt").metadata()
    assert metadata["format"] == "pt"
    facts = json.loads(metadata["pruneproof"])
    assert (facts["criterion"], facts["keep"], facts["weights"]) == ("magnitude", 100, 900)
    assert json.loads(facts["before"])["keep"] == 500


def test_a_dry_run_shows_the_threshold_and_a_table_and_writes_nothing(model, tmp_path, capsys):
    source, tensors = model
    assert repro(source, "--sparsity", 0.5, "--dry-run") == 0
    shown = capsys.readouterr().out
    magnitudes = np.sort(torch.cat([tensors[n].abs().double().flatten() for n in ("fc1.weight", "fc2.weight")]).numpy())
    assert f"threshold {magnitudes[450]:.9g}" in shown
    assert "450 of 900 weights alive" in shown
    assert [line.split()[:4] for line in shown.splitlines()[1:3]] == [
        ["fc1.weight", "F32", "30x20", "600"],
        ["fc2.weight", "BF16", "10x30", "300"],
    ]
    assert names(tmp_path) == ["model.safetensors"]


def test_json_agrees_with_the_mask_that_is_written(model, tmp_path, capsys):
    source, _ = model
    mask = tmp_path / "mask.safetensors"
    assert repro(source, "--sparsity", 0.8, "--mask-out", mask, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    masks = MaskSet.load(mask)
    assert facts["alive"] == masks.count() == 180
    assert facts["threshold"] == masks.threshold
    assert {each["name"]: each["alive"] for each in facts["tensors"]} == {name: masks.count(name) for name in masks}
    assert facts["written"] == [str(mask)]


def test_shards_are_one_model(sharded, tmp_path):
    output = tmp_path / "pruned"
    assert repro(sharded, "--keep", 5, "-o", output, "-q") == 0
    assert sorted(path.name for path in output.iterdir()) == ["a.safetensors", "b.safetensors", sharded.name]
    assert (output / sharded.name).read_bytes() == sharded.read_bytes()
    assert load_file(output / "a.safetensors")["x"].tolist() == [[0, 0, 0, 3], [4, 5, 6, 7]]
    assert not load_file(output / "b.safetensors")["w"].any()  # ones, below the five largest
    assert repro(sharded, "--keep", 7, "-o", output, "-q", "--force") == 0
    # of the nine ones (eight in "w", one in "x") the first by (name, index) is kept
    assert load_file(output / "b.safetensors")["w"].flatten().tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


def test_a_structure_keeps_two_of_four(model, tmp_path):
    source, tensors = model
    output = tmp_path / "pruned.safetensors"
    assert repro(source, "--structure", "2:4", "--exclude", "fc2.*", "-o", output, "-q") == 0
    written = load_file(output)
    assert written["fc1.weight"].reshape(-1, 4).count_nonzero(dim=1).tolist() == [2] * 150
    assert torch.equal(written["fc2.weight"], tensors["fc2.weight"])


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--sparsity", "0.5"], 64, "--output"),
        (["--dry-run"], 64, "exactly one of"),
        (["--sparsity", "0.5", "--keep", "5", "--dry-run"], 64, "exactly one of"),
        (["--sparsity", "1.0", "--dry-run"], 65, "out of range"),
        (["--sparsity", "nan", "--dry-run"], 65, "out of range"),
        (["--sparsity", "-0.1", "--dry-run"], 65, "out of range"),
        (["--keep", "901", "--dry-run"], 65, "from 0 to 900"),
        (["--keep", "10", "--floor", "6", "--dry-run"], 65, "floor"),
        (["--keep", "10", "--floor", "-1", "--dry-run"], 64, "negative"),
        (["--sparsity", "0.5", "--scope", "galaxy", "--dry-run"], 64, 'allocation "galaxy"'),
        (["--sparsity", "0.5", "--scope", "lamp", "--dry-run"], 64, "looks at the weights themselves"),
        (["--sparsity", "0.5", "--count", "tally", "--dry-run"], 64, 'counting rule "tally"'),
        (["--keep", "30", "--scope", "row", "--dry-run"], 65, 'each row of "fc1.weight"'),
        (["--sparsity", "0.5", "--criterion", "snip", "--dry-run"], 64, "only magnitude"),
        (["--structure", "2-4", "--dry-run"], 64, "N:M"),
        (["--structure", "5:4", "--dry-run"], 64, "N:M"),
        (["--structure", "2:4", "--sparsity", "0.5", "--dry-run"], 64, "leave out"),
        (["--structure", "2:4", "--floor", "5", "--dry-run"], 64, "--floor"),
        (["--structure", "2:4", "--dry-run"], 65, "fc2.weight"),
        (["--sparsity", "0.5", "--include", "steps", "--dry-run"], 65, "I64"),
        (["--sparsity", "0.5", "--include", "fc9.*", "--dry-run"], 64, "fc9"),
        (["--sparsity", "0.5", "--dry-run", "-o", "x"], 64, "writes nothing"),
        (["--sparsity", "0.5", "-o", "{source}", "--force"], 64, "is the checkpoint itself"),
        (["--sparsity", "0.5", "--mask-out", "{source}", "--force"], 64, "is the checkpoint itself"),
        (["--sparsity", "0.5", "-o", "{folder}"], 64, "is a folder"),
        (["--sparsity", "0.5", "-o", "{folder}/none/x"], 64, "no folder"),
        (["--sparsity", "0.5", "-o", "{folder}/x", "--mask-out", "{folder}/x"], 64, "twice"),
    ],
)
def test_what_cannot_be_done_is_one_message(model, capsys, arguments, status, message):
    source, _ = model
    before = source.read_bytes()
    arguments = [each.format(source=source, folder=source.parent) for each in arguments]
    assert repro(source, *arguments) == status
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert source.read_bytes() == before
    assert names(source.parent) == [source.name]


def test_an_existing_output_is_replaced_only_by_force(model, tmp_path, capsys):
    source, _ = model
    output = tmp_path / "pruned.safetensors"
    output.write_text("precious")
    assert repro(source, "--keep", 5, "-o", output) == 64
    assert "--force" in capsys.readouterr().err
    assert output.read_text() == "precious"
    assert repro(source, "--keep", 5, "-o", output, "--force", "-q") == 0
    assert int(load_file(output)["fc1.weight"].count_nonzero()) <= 5


def test_a_sharded_checkpoint_is_not_written_to_a_file_nor_over_itself(sharded, tmp_path, capsys):
    assert repro(sharded, "--keep", 5, "-o", tmp_path / "x.safetensors") == 64
    assert "must be a folder" in capsys.readouterr().err
    assert repro(sharded, "--keep", 5, "-o", sharded.parent, "--force") == 64
    assert "is the checkpoint itself" in capsys.readouterr().err


def test_nan_is_refused_by_name_and_index_and_leaves_nothing(sharded, tmp_path, capsys):
    weight = torch.ones(2, 4).half()
    weight[1, 2] = float("nan")
    save_file({"w": weight}, sharded.parent / "b.safetensors")
    assert repro(sharded, "--keep", 5, "-o", tmp_path / "pruned") == 65
    assert '"w" hold NaN at flat index 6' in capsys.readouterr().err
    assert not (tmp_path / "pruned").exists()
    assert repro(sharded, "--keep", 5, "--exclude", "w", "-o", tmp_path / "pruned", "-q") == 0


def test_a_damaged_file_is_refused(model, tmp_path, capsys):
    source, _ = model
    source.write_bytes(source.read_bytes()[:-1])
    assert repro(source, "--sparsity", 0.5, "--dry-run") == 66
    assert "truncated" in capsys.readouterr().err
    assert repro(tmp_path / "none.safetensors", "--sparsity", 0.5, "--dry-run") == 66


@pytest.fixture
def quantised(tmp_path):
    """A file of which most is no weight, and the weights' names."""
    random = torch.Generator().manual_seed(0)
    tensors = {
        "layer.qweight": torch.randint(-9, 9, (4, 32), generator=random, dtype=torch.int32),
        "layer.scales": (0.001 + 0.01 * torch.rand(2, 32, generator=random)).half(),
        "experts.gate_up_proj": torch.randn(4, 8, 16, generator=random).bfloat16(),
        "experts.gate_up_proj_bias": (0.01 * torch.randn(4, 16, generator=random)).bfloat16(),
        "attention.visible": torch.ones(6, 6).tril(),
        "norm.weight": torch.ones(16),
    }
    save_file(tensors, tmp_path / "quantised.safetensors")
    return tmp_path / "quantised.safetensors", tensors


def test_what_is_no_weight_stays_as_it_is_and_is_named_with_its_reason(quantised, tmp_path, capsys):
    source, tensors = quantised
    assert repro(source, "--sparsity", 0.5, "-o", tmp_path / "pruned.safetensors") == 0
    shown = capsys.readouterr().out
    for reason in (
        "a scale or zero point: layer.scales",
        "a bias: experts.gate_up_proj_bias",
        "a mask or constant of at most two values: attention.visible",
        "whole numbers: layer.qweight",
    ):
        assert f"  {reason}\n" in shown
    assert "norm.weight" not in shown  # nobody would take a vector for a matrix
    written = load_file(tmp_path / "pruned.safetensors")
    assert int(written["experts.gate_up_proj"].count_nonzero()) == 256
    assert all(torch.equal(written[name], tensors[name]) for name in tensors if name != "experts.gate_up_proj")
    assert repro(source, "--sparsity", 0.5, "--dry-run") == 0
    listed = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["norm.weight", "a vector"] in listed
    assert ["layer.scales", "a scale or zero point"] in listed
    repro(source, "--sparsity", 0.5, "--dry-run", "--json")
    left_out = json.loads(capsys.readouterr().out)["left_out"]
    assert {"name": "layer.scales", "shape": [2, 32], "reason": "a scale or zero point"} in left_out


def test_a_weight_that_is_not_called_one_is_named_too(tmp_path, capsys):
    save_file({"x": torch.randn(4, 4), "fc.weight": torch.randn(4, 4)}, tmp_path / "model.safetensors")
    for options, told in (((), True), (("--include", "*"), False)):
        assert repro(tmp_path / "model.safetensors", "--keep", 5, *options, "-o", tmp_path / "p", "--force") == 0
        assert ("do not say weight (--exclude leaves them): x\n" in capsys.readouterr().out) == told


def test_what_is_named_is_pruned_all_the_same(quantised, tmp_path, capsys):
    source, _ = quantised
    options = "--sparsity", 0.5, "--include", "layer.scales", "--include", "*_bias"
    assert repro(source, *options, "-o", tmp_path / "pruned.safetensors") == 0
    said = capsys.readouterr()
    assert "64 of 128 weights alive" in said.out
    assert said.err == (
        "repro: warning: --include names what is no weight, and it is pruned too: "
        "a bias: experts.gate_up_proj_bias; a scale or zero point: layer.scales\n"
    )
    assert repro(source, *options, "--dry-run", "--json") == 0
    said = capsys.readouterr()
    assert "a scale or zero point: layer.scales" in said.err
    assert [each["name"] for each in json.loads(said.out)["doubted"]] == ["experts.gate_up_proj_bias", "layer.scales"]


def test_weights_that_are_named_are_pruned_without_a_warning(quantised, tmp_path, capsys):
    assert repro(quantised[0], "--sparsity", 0.5, "--include", "experts.gate_up_proj", "--dry-run") == 0
    assert capsys.readouterr().err == ""


def test_an_average_beside_its_model_is_left_and_named_and_can_be_pruned_in_its_place(tmp_path, capsys):
    model = {"model.net.0.weight": torch.randn(8, 4), "model.net.2.weight": torch.randn(2, 8)}
    average = {name.replace("model.", "model_ema."): tensor + 1 for name, tensor in model.items()}
    source, output = tmp_path / "model.safetensors", tmp_path / "pruned.safetensors"
    save_file(model | average, source)
    assert repro(source, "--sparsity", 0.75, "-o", output) == 0
    said = capsys.readouterr().out
    assert "12 of 48 weights alive" in said
    reason = 'a running average of other weights here; --include "model_ema.*" prunes it instead'
    assert f"  {reason}: model_ema.net.0.weight, model_ema.net.2.weight\n" in said
    written = load_file(output)
    assert all(torch.equal(written[name], tensor) for name, tensor in average.items())
    assert repro(source, "--sparsity", 0.75, "--dry-run") == 0
    assert reason in capsys.readouterr().out
    assert repro(source, "--sparsity", 0.75, "--include", "model_ema.*", "-o", output, "--force") == 0
    assert capsys.readouterr().err == ""
    written = load_file(output)
    assert sum(int(written[name].count_nonzero()) for name in average) == 12
    assert all(torch.equal(written[name], tensor) for name, tensor in model.items())
    assert repro(source, "--sparsity", 0.75, "--include", "*", "--dry-run") == 0
    assert "a running average of other weights here" in capsys.readouterr().err


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {"format": "mlx", "by": "them"}, {"by": "them"}])
def test_what_a_loader_reads_it_can_read_afterwards(tmp_path, metadata):
    source, output = tmp_path / "model.safetensors", tmp_path / "pruned.safetensors"
    save_file({"w": torch.randn(4, 4)}, source, metadata=metadata)
    assert repro(source, "--sparsity", 0.5, "-o", output, "-q") == 0
    found = safe_open(output, "pt").metadata()
    assert found["format"] == (metadata or {}).get("format", "pt")  # demanded wherever there are metadata at all
    assert found.get("by") == (metadata or {}).get("by")


def test_metadata_of_null_are_none(tmp_path):
    header = b'{"__metadata__":null,"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'
    source, output = tmp_path / "model.safetensors", tmp_path / "pruned.safetensors"
    source.write_bytes(len(header).to_bytes(8, "little") + header + np.array([1, 2], np.float32).tobytes())
    assert repro(source, "--keep", 1, "-o", output, "-q") == 0
    assert safe_open(output, "pt").metadata()["format"] == "pt"
    assert load_file(output)["w"].tolist() == [[0, 2]]


@pytest.fixture
def folder(sharded):
    """A model's folder: shards, index, what belongs to them, and the same weights in another format."""
    files = {
        "config.json": '{"model_type": "x"}',
        "generation_config.json": "{}",
        "tokenizer/vocab.txt": "a",
        "pytorch_model.bin": "dense",
        ".gitattributes": "",
    }
    for name, text in files.items():
        (sharded.parent / name).parent.mkdir(exist_ok=True)
        (sharded.parent / name).write_text(text)
    return sharded.parent


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_models_folder_comes_out_as_a_models_folder(folder, tmp_path):
    output = tmp_path / "pruned"
    assert repro(folder, "--keep", 5, "-o", output, "-q") == 0
    index = "model.safetensors.index.json"
    assert files_of(output) == [
        "a.safetensors", "b.safetensors", "config.json", "generation_config.json", index, "tokenizer/vocab.txt"
    ]  # fmt: skip
    assert (output / "config.json").read_text() == '{"model_type": "x"}'
    placed = json.loads((output / index).read_text())
    for name, shard in placed["weight_map"].items():
        with safe_open(output / shard, "pt") as opened:
            assert opened.metadata()["format"] == "pt"
            assert opened.get_tensor(name).shape == (2, 4)
    assert placed["metadata"] == {"total_size": 48}
    assert repro(output, "--keep", 3, "-o", tmp_path / "again", "-q") == 0
    assert files_of(tmp_path / "again") == files_of(output)


def test_a_folder_of_one_file_comes_out_too_also_inside_of_itself(model, tmp_path):
    source, _ = model
    (tmp_path / "config.json").write_text("{}")
    for _ in range(2):
        assert repro(tmp_path, "--keep", 5, "-o", tmp_path / "pruned", "-q", "--force") == 0
        assert files_of(tmp_path / "pruned") == ["config.json", source.name]


def test_a_folder_is_not_written_over_itself_nor_to_a_file_and_after_an_error_nothing_is_there(
    folder, tmp_path, capsys
):
    assert repro(folder, "--keep", 5, "-o", folder, "--force") == 64
    assert "is the checkpoint itself" in capsys.readouterr().err
    assert repro(folder, "--keep", 5, "-o", tmp_path / "x.safetensors") == 64
    assert "must be a folder" in capsys.readouterr().err
    weight = torch.full((2, 4), float("nan")).half()
    save_file({"w": weight}, folder / "b.safetensors")
    assert repro(folder, "--keep", 5, "-o", tmp_path / "pruned") == 65
    assert names(tmp_path) == [folder.name]


def test_everything_that_is_written_may_be_read_by_whom_the_umask_says(folder, tmp_path):
    output = tmp_path / "pruned"
    (folder / "config.json").chmod(0o600)
    before = os.umask(0o027)
    try:
        assert repro(folder, "--keep", 5, "-o", output, "--mask-out", tmp_path / "mask.safetensors", "-q") == 0
    finally:
        os.umask(before)
    written = [tmp_path / "mask.safetensors", *(output / name for name in files_of(output))]
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in written} == {
        path.name: "0o640" for path in written
    }


@pytest.mark.parametrize("name", ["model.pt", "model.safetensors"])
def test_a_file_of_torch_is_said_to_be_one(tmp_path, capsys, name):
    torch.save({"w": torch.ones(2, 2)}, tmp_path / name)
    assert repro(tmp_path / name, "--sparsity", 0.5, "--dry-run") == 66
    assert "is a file of torch.save" in capsys.readouterr().err


@pytest.fixture
def large(tmp_path):
    """A checkpoint that takes a while: 400 MB that are mostly holes."""
    path = tmp_path / "large.safetensors"
    size = 400_000_000
    header = json.dumps({"w": {"dtype": "F32", "shape": [1000, size // 4000], "data_offsets": [0, size]}}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.write(np.random.default_rng(0).standard_normal(1_000_000, dtype=np.float32).tobytes())
        file.truncate(8 + len(header) + size)
    return path


def test_a_full_disk_is_one_message_and_leaves_nothing(large, tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000_000, 50_000_000))

    line = [*REPRO, "prune", large, "--keep", "1000", "-o", tmp_path / "pruned.safetensors"]
    done = subprocess.run(line, capture_output=True, text=True, preexec_fn=limit, check=False)
    assert done.returncode == 73
    assert "pruned.safetensors cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == [large.name]


def test_an_interrupt_ends_the_work_and_leaves_nothing(large, tmp_path):
    with subprocess.Popen(
        [*REPRO, "prune", large, "--keep", "1000", "-o", tmp_path / "pruned.safetensors", "-q"]
    ) as work:
        while work.poll() is None and not list(tmp_path.glob(".pruned*")):
            time.sleep(0.002)
        work.send_signal(signal.SIGINT)
        status = work.wait(60)
    if status == 0:
        pytest.skip("the machine was done before the interrupt")
    assert status == 130
    assert names(tmp_path) == [large.name]
