"""Arguments that no user means: each is misuse, told in one visible message, and nothing is written or waited for."""

import os

import pytest
import torch
from safetensors.torch import save_file

from pruneproof.values.visible import HIDDEN

PATHS = {
    "empty": "",
    "blank": " ",
    "NUL": "a\x00b",
    "too long": "x" * 300,
    "deep": "x/" * 3000,
    "nobody's home": "~nosuchuser/x",
    "loop": "loop",
    "below a loop": "loop/x",
}
TAKING = [
    ("list", "--store={}"),
    ("list", "--plugin={}"),
    ("plan", "tiny", "--data-dir={}"),
    ("mutate", "tiny", "--store={}"),
    ("report", "tiny", "--output={}"),
    ("compare", "{}"),
    ("new", "criterion", "my-score", "--into={}"),
    ("prune", "{}", "--dry-run", "--sparsity=0.5"),
    ("prune", "ok.safetensors", "--sparsity=0.5", "--output={}"),
    ("prune", "ok.safetensors", "--sparsity=0.5", "--output=x.safetensors", "--mask-out={}"),
    ("mask", "info", "{}"),
    ("mask", "diff", "ok.safetensors", "{}"),
    ("mask", "convert", "ok.safetensors", "{}"),
    ("install", "{}"),
]


@pytest.fixture
def here(folders, monkeypatch):
    """Return a current folder with a checkpoint, a link to itself and a pipe."""
    folder = folders / "here"
    folder.mkdir()
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe.safetensors")
    save_file({"a.weight": torch.arange(64.0).reshape(8, 8)}, folder / "ok.safetensors")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("arguments", TAKING, ids=["-".join(each[:2]) for each in TAKING])
def test_a_path_that_no_system_takes_is_misuse(here, repro, arguments, path):
    before = sorted(here.iterdir())
    found = repro(*(each.format(path) for each in arguments))
    assert found.status == 64
    assert found.out == ""
    assert not HIDDEN.search(found.err)
    assert len(found.err) < 3000
    assert sorted(here.iterdir()) == before


HOSTILE_NAMES = [
    "",
    "\x1b]0;x\x07\x1b[31m",
    "a\nb",
    "\u202ex",
    "\udcff",
    "x" * 200_000,
    "../x",
    "[/]",
    "[bold]",
    "*",
    "tіny",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "{}"),
        ("report", "{}"),
        ("lint", "{}"),
        ("check", "{}", "x"),
        ("check", "criterion", "{}"),
        ("plugins", "{}"),
        ("new", "{}", "x"),
        ("new", "criterion", "{}"),
        ("data", "fetch", "{}"),
        ("prune", "ok.safetensors", "--sparsity=0.5", "--scope={}", "--dry-run"),
        ("prune", "ok.safetensors", "--sparsity=0.5", "--count={}", "--dry-run"),
        ("plan", "tiny", "--seeds={}"),
        ("plan", "tiny", "--numerics={}"),
        ("audit", "--at-least={}", "a", "b"),
        ("mask", "info", "ok.safetensors", "--from={}"),
    ],
    ids=lambda each: "-".join(each)[:24],
)
def test_a_name_that_is_none_is_told_on_visible_lines(tiny, here, repro, arguments, name):
    found = repro(*(each.format(name) for each in arguments))
    assert found.status == 64, found.err
    assert found.out == ""
    assert not HIDDEN.search(found.err)
    assert len(found.err) < 3000
    assert found.err.startswith("Usage") or found.err.count("\n") == 1


@pytest.mark.parametrize("seeds", ["1_000", "٣", " 3", "+3", "1e3", "1-3", "0," + "9" * 30, "99999999", "1,,2"])
def test_seeds_are_plain_numbers(tiny, repro, seeds):
    found = repro("plan", "tiny", f"--seeds={seeds}")
    assert found.status == 64
    assert "--seeds" in found.err


@pytest.mark.parametrize("verb", ["report", "verify"])
def test_a_profile_does_not_lead_out_of_the_store(tiny, repro, folders, verb):
    (folders / "elsewhere").mkdir()
    (folders / "elsewhere" / "record.json").write_text("{}")
    found = repro(verb, "tiny", "--profile", "../../../elsewhere")
    assert found.status == 64
    assert "cannot be a profile" in found.err


@pytest.mark.parametrize("verb", [("prune", "--dry-run", "--sparsity=0.5"), ("mask", "info")])
def test_a_pipe_in_place_of_a_checkpoint_is_not_waited_for(here, repro, verb):
    assert repro(*verb, "pipe.safetensors").status == 66


@pytest.mark.parametrize("option", ["--output", "--mask-out"])
def test_a_pipe_is_not_replaced_by_an_output_even_by_force(here, repro, option):
    targets = {"--output": "x.safetensors", "--mask-out": "y.safetensors"} | {option: "pipe.safetensors"}
    words = [f"{name}={path}" for name, path in targets.items()]
    found = repro("prune", "ok.safetensors", "--sparsity=0.5", "--force", *words)
    assert found.status == 64
    assert (here / "pipe.safetensors").is_fifo()


def test_an_option_of_pip_is_no_package(repro):
    found = repro("install", "--", "-rrequirements.txt")
    assert found.status == 64
    assert "is an option" in found.err


def test_names_in_a_checkpoint_cannot_steer_the_terminal(here, repro):
    save_file({"a\x1b[31m.weight": torch.ones(4, 4), "b\u202e.weight": torch.ones(4, 4)}, here / "names.safetensors")
    for words in (("mask", "info"), ("mask", "info", "--json"), ("prune", "--dry-run", "--sparsity=0.5")):
        found = repro(*words, "names.safetensors")
        assert found.status == 0
        assert not HIDDEN.search(found.out)
    assert "a\x1b[31m.weight" in {
        each["name"] for each in repro("mask", "info", "--json", "names.safetensors").json["tensors"]
    }
