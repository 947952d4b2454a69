"""Writes the files of docs/hooks and runs its commands; every hook has its page."""

import re
import shlex
from pathlib import Path

import pytest

from pruneproof.registry.hookspecs import HOOKS

FOLDER = Path(__file__).parents[2] / "docs" / "hooks"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
OVERVIEW = PAGES.pop("README")
FILE = re.compile(r"^`(\w+\.py)`\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page):
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_every_hook_has_a_page_and_a_row_and_nothing_else_has():
    headings = {name: re.findall(r"^#+ (pruneproof_\w+)$", page, re.MULTILINE) for name, page in PAGES.items()}
    assert headings == {hook: [hook] for hook in HOOKS}
    rows = re.findall(r"^\| \[`(\w+)`\]\((\S+)\)", OVERVIEW, re.MULTILINE)
    assert rows == [(hook, f"{hook}.md") for hook in HOOKS]


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_is_one_file_with_its_hook_and_a_command(hook):
    [(name, source)] = FILE.findall(PAGES[hook])
    assert f"@hookimpl\ndef {hook}()" in source
    assert any(f"--plugin {name}" in command for command in commands(PAGES[hook]))


@pytest.mark.slow
@pytest.mark.parametrize("hook", HOOKS)
def test_the_commands_of_a_hook_work(hook, repro, folders, monkeypatch):
    monkeypatch.chdir(folders)
    for name, source in FILE.findall(PAGES[hook]):
        (folders / name).write_text(source, encoding="utf-8")
    for command in commands(PAGES[hook]):
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
