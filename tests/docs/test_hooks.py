"""Writes the files of docs/hooks.md and runs its commands; every hook has its section."""

import re
import shlex
from pathlib import Path

import pytest

from pruneproof.registry import hookspecs

PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text(encoding="utf-8")
SECTIONS = {text.partition("\n")[0]: text for text in PAGE.split("\n## ")[1:]}
HOOKS = [name for name in vars(hookspecs) if name.startswith("pruneproof_")]
FILE = re.compile(r"^`(\w+\.py)`\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(section):
    blocks = re.findall(r"^```console\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_every_hook_has_a_section_and_a_row_and_no_other_does():
    assert sorted(SECTIONS) == sorted(HOOKS)
    assert re.findall(r"^\| \[`(\w+)`\]", PAGE, re.MULTILINE) == list(SECTIONS)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_is_one_file_with_its_hook_and_a_command(hook):
    [(name, source)] = FILE.findall(SECTIONS[hook])
    assert f"@hookimpl\ndef {hook}()" in source
    assert any(f"--plugin {name}" in command for command in commands(SECTIONS[hook]))


@pytest.mark.slow
@pytest.mark.parametrize("hook", HOOKS)
def test_the_commands_of_a_hook_work(hook, repro, folders, monkeypatch):
    monkeypatch.chdir(folders)
    for name, source in FILE.findall(SECTIONS[hook]):
        (folders / name).write_text(source, encoding="utf-8")
    for command in commands(SECTIONS[hook]):
        verb, *arguments = shlex.split(command)[1:]
        if verb in ("run", "plan"):
            arguments += ["--device", "cpu"]
        if verb == "run":
            arguments += ["--workers", "1", "--store", str(folders / "store")]
        found = repro(verb, *arguments)
        assert found.status in ((0, 1, 2) if verb == "run" else (0,)), found.err
        if hook == "pruneproof_observers":
            [notes] = (folders / "store").rglob("notes.tsv")
            assert "record with 1 networks" in notes.read_text()
