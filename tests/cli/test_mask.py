import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pruneproof.cli import execute
from pruneproof.values.masks import MaskSet

A = MaskSet.from_arrays({"fc1.weight": np.array([[1, 0], [1, 1]], bool), "fc2.weight": np.array([[0, 0, 1]], bool)})
B = MaskSet.from_arrays({"fc1.weight": np.array([[1, 0], [0, 1]], bool), "fc2.weight": np.array([[0, 0, 1]], bool)})


@pytest.fixture
def repro(tmp_path, monkeypatch, capsys):
    """Run `repro mask` in a folder that holds the masks a and b; return status, output and complaint."""
    monkeypatch.chdir(tmp_path)
    MaskSet({name: A.packed(name) for name in A}, A.shapes, threshold=0.25).save(tmp_path / "a.safetensors")
    B.with_parent(A).save(tmp_path / "b.safetensors")

    def run(*arguments):
        capsys.readouterr()
        status = execute(["mask", *arguments])
        return status, *capsys.readouterr()

    return run


def answer(result):
    """Return the JSON of a successful call."""
    status, out, complaint = result
    assert (status, complaint) == (0, "")
    return json.loads(out)


def test_info_lists_tensors_and_digests(repro):
    status, out, _ = repro("info", "b.safetensors")
    assert status == 0
    assert [line.split() for line in out.splitlines()[:4]] == [
        ["name", "shape", "size", "alive", "density"],
        ["fc1.weight", "2x2", "4", "2", "0.500000"],
        ["fc2.weight", "1x3", "3", "1", "0.333333"],
        ["all", "7", "3", "0.428571"],
    ]
    assert f"digest     {B.digest()}" in out
    assert f"parent     {A.digest()}" in out
    assert "threshold" not in out
    assert "threshold  0.25" in repro("info", "a.safetensors")[1]


def test_info_as_json(repro):
    facts = answer(repro("info", "a.safetensors", "--include", "fc1.*", "--json"))
    assert facts["tensors"] == [{"name": "fc1.weight", "shape": [2, 2], "size": 4, "alive": 3, "density": 0.75}]
    assert (facts["form"], facts["parent"], facts["density"]) == ("pruneproof", None, 0.75)


def test_diff_counts_what_is_alive_in_only_one(repro):
    facts = answer(repro("diff", "a.safetensors", "b.safetensors", "--json"))
    assert facts["relation"] == "b is a subset of a"
    assert facts["tensors"][0] == {
        "name": "fc1.weight",
        "size": 4,
        "alive_a": 3,
        "alive_b": 2,
        "alive_only_a": 1,
        "alive_only_b": 0,
        "hamming": 1,
        "jaccard": 2 / 3,
    }
    assert (facts["hamming"], facts["jaccard"]) == (1, 0.75)
    assert "relation: equal" in repro("diff", "a.safetensors", "a.safetensors")[1]
    assert "relation: a is a subset of b" in repro("diff", "b.safetensors", "a.safetensors")[1]


def test_diff_names_tensors_that_only_one_has(repro, tmp_path):
    shapes = {"fc1.weight": (2, 2), "fc2.weight": (3, 1), "fc3.weight": (2,)}
    MaskSet.dense(shapes).save(tmp_path / "c.safetensors")
    status, out, _ = repro("diff", "a.safetensors", "c.safetensors")
    assert status == 0
    assert "only in b: fc3.weight" in out
    assert "of other shape: fc2.weight" in out
    assert "relation: different tensors" in out


@pytest.mark.parametrize("shapes", [{"conv.weight": (2, 2)}, {"fc1.weight": (4,)}])
def test_masks_that_share_no_tensor_have_no_overlap(repro, tmp_path, shapes):
    MaskSet.dense(shapes).save(tmp_path / "c.safetensors")
    facts = answer(repro("diff", "a.safetensors", "c.safetensors", "--json"))
    assert (facts["relation"], facts["jaccard"], facts["tensors"]) == ("they share no tensor", None, [])
    shown = repro("diff", "a.safetensors", "c.safetensors")[1]
    assert "relation: they share no tensor" in shown
    assert "1.000000" not in shown


def test_masks_of_a_wrapped_and_of_a_plain_model_are_compared(repro, tmp_path):
    wrapped = {f"module._orig_mod.{name}": mask for name, mask in A.items()}
    torch.save({"net": wrapped}, tmp_path / "wrapped.pt")
    MaskSet.from_tensors(wrapped).save(tmp_path / "wrapped.safetensors")
    for name in ("wrapped.pt", "wrapped.safetensors"):
        facts = answer(repro("diff", name, "a.safetensors", "--json"))
        assert (facts["relation"], facts["jaccard"]) == ("equal", 1.0)


def test_the_sparsity_of_what_prune_wrote_can_be_looked_at(repro, tmp_path):
    for number in (1, 2):
        save_file({f"l{number}.weight": torch.randn(4, 4)}, tmp_path / f"m-{number}.safetensors")
    index = tmp_path / "m.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {f"l{n}.weight": f"m-{n}.safetensors" for n in (1, 2)}}))
    assert execute(["prune", str(index), "--sparsity", "0.5", "-o", "out", "-q"]) == 0
    for name in ("out/m.safetensors.index.json", "out"):
        facts = answer(repro("info", name, "--json"))
        assert (facts["size"], facts["alive"]) == (32, 16)


@pytest.mark.parametrize("form", ["mask", "torch-prune", "pruneproof"])
def test_conversions_lose_nothing(repro, tmp_path, form):
    facts = answer(repro("convert", "b.safetensors", f"{form}.pt", "--to", form, "--json"))
    assert (facts["read_as"], facts["written_as"], facts["digest"]) == ("pruneproof", form, B.digest())
    back = answer(repro("convert", f"{form}.pt", f"{form}.safetensors", "--json"))
    assert back["read_as"] == form
    assert MaskSet.load(tmp_path / f"{form}.safetensors") == B


def test_what_is_written_for_torch(repro, tmp_path):
    repro("convert", "a.safetensors", "bool.pth")
    repro("convert", "a.safetensors", "buffers.pt", "--to", "torch-prune")
    masks, buffers = torch.load(tmp_path / "bool.pth"), torch.load(tmp_path / "buffers.pt")
    assert {name: mask.dtype for name, mask in masks.items()} == dict.fromkeys(A, torch.bool)
    assert buffers["fc1.weight_mask"].tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert buffers["fc1.weight_mask"].dtype == torch.float32


def test_nothing_is_replaced_unasked(repro, tmp_path):
    status, _, complaint = repro("convert", "a.safetensors", "b.safetensors")
    assert (status, "--force" in complaint) == (64, True)
    assert repro("convert", "a.safetensors", "b.safetensors", "--force")[0] == 0
    assert MaskSet.load(tmp_path / "b.safetensors") == A
    assert repro("convert", "a.safetensors", "a.safetensors", "--force")[0] == 64


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["info", "absent"], 66, "does not exist"),
        (["info", "noise"], 66, "damaged or of another format"),
        (["info", "cut.safetensors"], 66, "damaged or of another format"),
        (["info", "altered.safetensors"], 74, "does not have the digest"),
        (["info", "a.safetensors", "--include", "conv*"], 65, "matches conv*"),
        (["info", "a.safetensors", "--from", "guess"], 64, "guess"),
        (["diff", "a.safetensors"], 64, "Missing argument"),
        (["diff", "a.safetensors", "noise"], 66, "noise"),
        (["convert", "a.safetensors", "x.npz"], 64, "--to"),
        (["convert", "a.safetensors", "absent/x.pt"], 73, "cannot be written"),
        (["convert", "a.safetensors", "absent/x.safetensors"], 73, "cannot be written"),
        (["convert", "absent", "x.pt"], 66, "does not exist"),
    ],
)
def test_bad_input_ends_in_one_message(repro, tmp_path, arguments, status, word):
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "noise").write_bytes(b"noise")
    (tmp_path / "cut.safetensors").write_bytes(whole[:-1])
    (tmp_path / "altered.safetensors").write_bytes(whole[:-1] + b"\x03")
    found, out, complaint = repro(*arguments)
    assert (found, out) == (status, "")
    assert word in complaint
    assert "Traceback" not in complaint
