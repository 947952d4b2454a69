"""Follows the README of a new package of each kind from top to bottom: its commands run, its TOML goes into files."""

import re
import shlex

import pytest

from pruneproof.cli.new import NOUNS

STEP = re.compile(r"^    (repro .*(?:\n {5,}.*)*)|^```toml\n# (\S+)\n((?:.*\n)*?)```", re.MULTILINE)
"""A command, which may go on in lines that are indented further; or the name of a file and what goes into it."""
LEAVES = {"observer": "my-observer/seconds.tsv", "figure": "figures/mlp-my-figure.svg"}
"""Kind -> what its commands leave in the folder of the report."""


def write_into(path, content):
    """Add tables at the end of a file; a line of a key takes the place of the line that it has."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if content.startswith("[["):
        path.write_text(f"{text}\n{content}", encoding="utf-8")
        return
    key = content.split(" = ")[0]
    assert len(re.findall(rf"^{key} = ", text, re.MULTILINE)) == 1
    path.write_text(re.sub(rf"^{key} = .*\n", content, text, flags=re.MULTILINE), encoding="utf-8")


def as_is_tried_here(command):
    """Return the words of a command: the paper that takes long is planned, unless only `run` knows the option."""
    verb, *words = shlex.split(command.replace("\\\n", " "))[1:]
    if verb == "check":
        return [verb, *words, "--quick"]
    if verb == "run" and "global-mp" in words and not {"--executor", "--observe"} & set(words):
        verb = "plan"
    return [verb, *words, "--json", "--device", "cpu", *(["--workers", "1"] if verb == "run" else [])]


@pytest.mark.parametrize("kind", NOUNS)
def test_every_command_works_and_uses_what_the_package_brings(kind, new, link, repro, site, folders, monkeypatch):
    monkeypatch.chdir(site)
    package = new(kind, f"my-{kind}")
    link(package)
    steps = STEP.findall((package / "README.md").read_text(encoding="utf-8").split("\n## ")[1])
    used = False
    for command, file, content in steps:
        verb = command.split()[1] if command else ""
        if not command:
            write_into(site / "a-paper" / "src" / "a_paper" / "paper" / file, content)
        elif verb == "install":  # another test lets pip do it
            link(site / command.split()[2])
        elif verb in ("check", "run", "plan"):
            found = repro(*as_is_tried_here(command))
            assert found.status in ((0, 1, 2) if verb == "run" else (0,)), found.err
            assert f"my-{kind}" in found.out
            used |= verb != "check"
        else:
            assert repro(*command.split()[1:]).status == 0, command
    assert used
    if kind in LEAVES:
        assert list((folders / "store" / "reports").glob(f"*/*/{LEAVES[kind]}"))
