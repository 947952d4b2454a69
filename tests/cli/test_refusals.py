"""Bad input ends in one message that names it, the right exit status, and never in a traceback."""

import json
import urllib.request

import pytest
import torch

FLOOR = 'mlp.methods.global.select.floor={id="count", least=100000}'
UNPRUNABLE = 'mlp.methods.global.select.unprunable=["none*"]'
FAST = ("--device", "cpu", "--workers", "1")

MISUSE = [
    ([], 64, "Usage"),
    (["no-such-verb"], 64, "no-such-verb"),
    (["run"], 64, "PAPER"),
    (["run", "tiny", "--no-such-option"], 64, "--no-such-option"),
    (["run", "tiny", "--profile", "huge"], 64, "mini"),
    (["run", "tiny", "--device", "tpu"], 64, "cuda"),
    (["run", "tiny", "--workers", "0"], 64, "--workers"),
    (["run", "tiny", "--workers", "many"], 64, "--workers"),
    (["run", "tinny", *FAST], 64, 'Nearest: "tiny"'),
    (["run", "9999.99999", *FAST], 64, "repro list"),
    (["run", "tiny", "--profile", "full", *FAST], 64, 'profile "full"'),
    (["run", "tiny", "--only", "mpl", *FAST], 64, 'Nearest: "mlp"'),
    (["run", "tiny", "--seeds", "many", *FAST], 64, '--seeds "many"'),
    (["run", "tiny", "--seeds", "0", *FAST], 64, "--seeds"),
    (["run", "tiny", "--seeds", "-1", *FAST], 64, "--seeds"),
    (["run", "tiny", "--seeds", "1,1", *FAST], 64, "--seeds"),
    (["run", "tiny", "--seeds", ",", *FAST], 64, "--seeds"),
    (["run", "tiny", "--set", "nonsense", *FAST], 64, "run.key=value"),
    (["run", "tiny", "--set", "mlp.recipe.retrian.epochs=1", *FAST], 64, 'Nearest: "retrain"'),
    (["run", "tiny", "--set", "mlp.recipe.retrain.epochs=many", *FAST], 65, "mlp.recipe.retrain.epochs"),
    (["run", "tiny", "--set", "mlp.model=lenet", *FAST], 64, "lenet-300-100"),
    (["run", "tiny", "--set", "mlp.model.width=3", *FAST], 64, "width"),
    (["run", "tiny", "--set", "mlp.data=digit", *FAST], 64, 'Nearest: "digits"'),
    (["run", "tiny", "--set", "mlp.methods.global.criterion=magnitud", *FAST], 64, 'Nearest: "magnitude"'),
    (["run", "tiny", "--set", "mlp.methods.global.select.count=cail-keep-one", *FAST], 64, 'Nearest: "ceil-keep-one"'),
    (["run", "tiny", "--set", 'mlp.methods.global.schedule={id="iterative", rate="x"}', *FAST], 65, "rate"),
    (["run", "tiny", "--set", 'mlp.methods.global.schedule={id="iterative", rate=2.0}', *FAST], 65, "rate"),
    (["run", "tiny", "--set", 'mlp.recipe.dense.augment=["warp"]', *FAST], 64, "warp"),
    (["run", "tiny", "--set", FLOOR, "--only", "mlp/global", *FAST], 65, "floor"),
    (["run", "tiny", "--set", UNPRUNABLE, "--only", "mlp/global", *FAST], 65, "none*"),
    (["run", "tiny", "--set", "mlp.recipe.dense.validation=0.0001", "--only", "mlp/dense", *FAST], 65, "validation"),
    (["plan", "tinny"], 64, 'Nearest: "tiny"'),
    (["show", "tinny"], 64, 'Nearest: "tiny"'),
    (["lint", "tinny"], 64, 'Nearest: "tiny"'),
    (["cite", "tinny"], 64, 'Nearest: "tiny"'),
    (["report", "tinny"], 64, 'Nearest: "tiny"'),
    (["report", "tiny"], 66, "repro run"),
    (["report", "tiny", "--profile", "huge"], 66, "record"),
    (["mutate", "tinny", *FAST], 64, 'Nearest: "tiny"'),
    (["mutate", "tiny", "--mutant", "scopes", *FAST], 64, 'Nearest: "scope"'),
    (["mutate", "tiny", "--seeds", "many", *FAST], 64, '--seeds "many"'),
    (["mutate", "tiny", "--only", "mpl", *FAST], 64, 'Nearest: "mlp"'),
    (["verify", "tinny"], 64, 'Nearest: "tiny"'),
    (["verify", "tiny"], 66, "repro run"),
    (["verify", "no/such/record.json"], 66, "no/such/record.json"),
    (["data", "fetch", "cifar11"], 64, 'Nearest: "cifar10"'),
    (["data", "fingerprint", "mnist"], 66, "repro data fetch mnist"),
    (["data", "fetch", "imagenet"], 66, "image-net.org"),
    (["data"], 64, "fetch"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "named"), MISUSE, ids=[" ".join(case[0])[:60] for case in MISUSE])
def test_misuse_is_refused_with_its_status_and_by_name(tiny, repro, arguments, status, named):
    found = repro(*arguments)
    assert found.status == status, found.err
    assert named in found.err
    assert found.out == ""


def test_a_message_is_one_line_that_begins_with_the_program(tiny, repro):
    err = repro("run", "tinny").err
    assert err.startswith("repro: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "content", "named"),
    [
        ("runs.toml", "not toml [", "runs.toml, line 1"),
        ("runs.toml", "[profiles]\n[mini.a]\ncolour = 3\n", "colour"),
        ("claims.toml", "", "claim"),
        ("paper.toml", 'id = "tiny"\n', "paper.toml"),
        ("tables/results.csv", "a,a\n1,2\n", "results.csv, line 1"),
        ("runs.toml", None, "runs.toml does not exist"),
        ("claims.toml", None, "claims.toml does not exist"),
        ("citation.bib", None, "citation.bib"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "show", "lint", "cite"])
def test_a_bad_paper_folder_is_refused_with_file_and_line(tiny, repro, verb, file, content, named):
    (tiny / file).unlink() if content is None else (tiny / file).write_text(content)
    found = repro(verb, "tiny")
    assert found.status in (64, 65)
    assert named in found.err


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_69(tiny, repro):
    found = repro("run", "tiny", "--device", "cuda")
    assert found.status == 69
    assert "--device cpu" in found.err


def test_data_that_cannot_be_fetched_without_a_network_is_66_with_what_to_do(tiny, repro, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr(urllib.request, "_opener", None)  # urllib keeps the proxies that it saw first
    found = repro("run", "tiny", "--set", "mlp.data=cifar10", *FAST)
    assert found.status == 66
    assert "cifar10" in found.err
    assert "--data-dir" in found.err


@pytest.mark.parametrize(("place", "status"), [("/dev/null/x", 73), ("file/deep", 73), ("file", 64)])
def test_a_store_that_cannot_be_written_is_73_and_one_that_is_no_folder_64(tiny, repro, folders, place, status):
    (folders / "file").write_text("in the way")
    found = repro("run", "tiny", "--store", folders / place, "--only", "arithmetic", *FAST)
    assert found.status == status
    assert "--store" in found.err


def test_a_damaged_record_is_74(tiny, repro, folders):
    path = folders / "store" / "reports" / "tiny" / "mini" / "record.json"
    path.parent.mkdir(parents=True)
    for content in ("", "{", "[]", json.dumps({"format": "pruneproof-record/1"})):
        path.write_text(content)
        for verb in ("report", "verify"):
            found = repro(verb, "tiny")
            assert found.status == 74
            assert str(path) in found.err


def test_a_damaged_store_is_74_and_the_folder_is_named(tiny, repro, folders):
    part = ("run", "tiny", "--only", "mlp/dense", "--quiet", *FAST)
    assert repro(*part).status == 2  # two seeds decide nothing
    [victim, *_] = (folders / "store" / "stages").rglob("measurement.json")
    victim.write_text("{}")
    found = repro(*part)
    assert found.status == 74
    assert f"Delete the folder {victim.parent}" in found.err


def test_a_paper_that_names_a_broken_plugin_is_69(tiny, install, repro):
    install("broken", "raise ValueError('no good')")
    text = (tiny / "paper.toml").read_text()
    (tiny / "paper.toml").write_text(text.replace('"tiny-paper"]', '"tiny-paper", "broken"]'))
    found = repro("run", "tiny", *FAST)
    assert found.status == 69
    assert 'plugin "broken"' in found.err


def test_a_paper_that_names_a_plugin_that_is_not_installed_is_64(tiny, repro):
    text = (tiny / "paper.toml").read_text()
    (tiny / "paper.toml").write_text(text.replace('"tiny-paper"]', '"tiny-papers"]'))
    found = repro("run", "tiny", *FAST)
    assert found.status == 64
    assert 'Nearest: "tiny-paper"' in found.err


RAISES = """
    from pruneproof.api import Criterion, Source, hookimpl

    def score(weights):
        {body}

    @hookimpl
    def pruneproof_criteria():
        return [Criterion("odd", score, Source("A. Stranger", 2021, "Odd"))]
"""


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ("return {}", 65, "missing"),
        ("return None", 65, "NoneType"),
        ("return {name: each / 0 * 0 for name, each in weights.items()}", 65, "NaN"),
        ("return {name: each.flatten() for name, each in weights.items()}", 65, "shape"),
        ("return {name: each.long() for name, each in weights.items()}", 65, "int64"),
        ("raise KeyError('fc9')", 69, "raised KeyError: 'fc9'"),
    ],
)
def test_a_strangers_criterion_that_misbehaves_is_refused_by_name(tiny, install, repro, body, status, named):
    install("odd", RAISES.format(body=body))
    text = (tiny / "paper.toml").read_text()
    (tiny / "paper.toml").write_text(text.replace('"tiny-paper"]', '"tiny-paper", "odd"]'))
    text = (tiny / "runs.toml").read_text()
    (tiny / "runs.toml").write_text(text.replace('method = "global"', 'method = "global"\ncriterion = "odd"', 1))
    found = repro("run", "tiny", "--only", "mlp/global", "--quiet", *FAST)
    assert found.status == status
    assert '"odd"' in found.err
    assert named in found.err
