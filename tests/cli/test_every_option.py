"""Each argument and each option of each verb, given values that nobody means."""

import os
import time

import pytest
import typer

from pruneproof.cli.app import app
from pruneproof.values.visible import HIDDEN

VALUES = {
    "empty": "",
    "blank": " ",
    "newline": "a\nb",
    "NUL": "a\x00b",
    "long": "x" * 10_000,
    "surrogate": "\udcff",
    "escape": "\x1b[31m",
    "turned": "\u202ex",
    "huge": "9" * 400,
    "large": "99999999999999999999",
    "negative": "-1",
    "nan": "nan",
    "inf": "inf",
    "zero": "0",
    "percent": "%s%n{0}",
    "device": "/dev/null",
    "endless": "/dev/zero",
    "pipe": "pipe",
    "pipe json": "pipe.json",
    "pipe py": "pipe.py",
    "folder": "folder",
    "folder json": "folder.json",
    "folder py": "folder.py",
    "broken link": "broken",
    "broken json": "broken.json",
    "home": "~nosuchuser/x",
    "home json": "~nosuchuser/x.json",
    "other kind": "magnitude",
    "equals": "=",
    "setting": "mlp.recipe.dense.epochs=1",
    "star": "*",
    "bracket": "[",
    "json NUL": "a\x00b.json",
    "json long": "x" * 300 + ".json",
    "below file": "/etc/passwd/x",
    "file": "file",
}
BASES = {
    "list": [],
    "show": ["tiny"],
    "plan": ["tiny"],
    "why": ["tiny", "0"],
    "run": ["tiny", "--only=arithmetic", "--device=cpu"],
    "verify": ["tiny"],
    "report": ["tiny", "--format=latex"],
    "compare": ["folder"],
    "audit": ["tiny:mlp/global", "tiny:mlp/uniform"],
    "mutate": ["tiny", "--only=arithmetic", "--device=cpu"],
    "lint": ["tiny"],
    "plugins": [],
    "check": ["criterion", "nothing-of-that-name"],
    "install": None,
    "new": ["criterion", "my-score"],
    "data list": [],
    "data fetch": ["digits"],
    "data fingerprint": ["digits"],
    "mask info": ["ok.safetensors"],
    "mask diff": ["ok.safetensors", "ok.safetensors"],
    "mask convert": ["ok.safetensors", "out.safetensors"],
    "prune": ["ok.safetensors", "--sparsity=0.5", "--dry-run"],
    "doctor": [],
    "cite": ["tiny"],
}


def commands(group, prefix=""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


VERBS = dict(commands(typer.main.get_command(app)))


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    for name in ("folder", "folder.json", "folder.py"):
        (folder / name).mkdir()
    for name in ("pipe", "pipe.json", "pipe.py"):
        os.mkfifo(folder / name)
    for name in ("broken", "broken.json"):
        (folder / name).symlink_to(folder / "nothing")
    (folder / "file").write_text("x")
    import torch
    from safetensors.torch import save_file

    save_file({"a.weight": torch.arange(64.0).reshape(8, 8)}, folder / "ok.safetensors")
    monkeypatch.chdir(folder)
    return folder


def lines(verb):
    base = BASES[verb]
    for parameter in VERBS[verb].params:
        if getattr(parameter, "is_flag", False) or parameter.name == "help":
            continue
        for kind, value in VALUES.items():
            if parameter.param_type_name == "option":
                words = [f"{max(parameter.opts, key=len)}={value}"]
                yield kind, parameter.name, [*verb.split(), *base, *words]
            elif base is not None:
                place = [each.name for each in VERBS[verb].params if each.param_type_name == "argument"].index(
                    parameter.name
                )
                args = [each for each in base]
                while len([a for a in args if not a.startswith("--")]) <= place:
                    args.append("x")
                args[place] = value
                opts = [a for a in base if a.startswith("--")]
                args = [a for i, a in enumerate(args) if i == place or a not in opts]
                yield kind, parameter.name, [*verb.split(), *opts, "--", *args]


@pytest.mark.parametrize("verb", [v for v in VERBS if BASES.get(v) is not None])
def test_all(tiny, ran, here, repro, verb):
    import sys

    bad = []
    for kind, name, line in lines(verb):
        before = sorted(p.name for p in here.iterdir())
        began = time.monotonic()
        try:
            found = repro(*line)
        except AssertionError as problem:
            bad.append((kind, name, "TRACEBACK", str(problem)[-300:]))
            continue
        except BaseException as problem:
            bad.append((kind, name, "RAISED", repr(problem)[-300:]))
            continue
        took = time.monotonic() - began
        why = []
        if found.status == 70 or found.status not in (
            0,
            1,
            2,
            9,
            10,
            11,
            12,
            20,
            31,
            32,
            41,
            42,
            64,
            65,
            66,
            69,
            73,
            74,
        ):
            why.append(f"status {found.status}")
        if HIDDEN.search(found.err) or HIDDEN.search(found.out):
            why.append("hidden")
        if took > 3:
            why.append(f"{took:.1f} s")
        if found.status >= 64 and not found.err:
            why.append("silent")
        if found.status < 64 or found.status in (66, 74, 73, 69):
            why.append("ok?")
        after = sorted(p.name for p in here.iterdir())
        if after != before:
            why.append(f"made {set(after) - set(before)}")
        if len(found.err) > 4000:
            why.append(f"long {len(found.err)}")
        if why:
            bad.append((kind, name, why, found.status, found.err[-400:], found.out[:60]))
    with open(f"/tmp/hostile-{verb.replace(' ', '-')}.txt", "w") as f:
        for b in bad:
            print(*b, sep=" | ", file=f)
