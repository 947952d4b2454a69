"""Makes the package of docs/add-a-paper.md, puts the page's files into it and runs the page's commands."""

import re
import shlex
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "add-a-paper.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`(\w+\.toml)`\n\n```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture
def walked(repro, folders, monkeypatch):
    """The package as the page leaves it, in reach without being installed."""
    monkeypatch.chdir(folders)
    new, *rest = COMMANDS
    assert repro(*new).status == 0
    source = folders / "my-paper" / "src"
    for name, content in FILES.items():
        assert (source / "my_paper" / "paper" / name).is_file(), name
        (source / "my_paper" / "paper" / name).write_text(content, encoding="utf-8")
    project = (folders / "my-paper" / "pyproject.toml").read_text(encoding="utf-8")
    [(name, target)] = re.findall(r'entry-points\.pruneproof\]\n([\w-]+) = "([\w.]+)"', project)
    facts = source / "my_paper-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: my-paper\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[pruneproof]\n{name} = {target}\n")
    monkeypatch.syspath_prepend(source)
    return rest


@pytest.mark.slow
def test_every_command_of_the_page_does_what_it_says(walked, repro):
    fast = {"run": ["--workers", "1", "--device", "cpu"], "mutate": ["--workers", "1", "--device", "cpu", "--quiet"]}
    said = {}
    for verb, *arguments in walked:
        found = repro(verb, *arguments, *fast.get(verb, []))
        assert found.status <= 2, (verb, found.err)
        said[verb] = found.out
    assert set(said) == {"show", "plan", "run", "mutate"}
    assert "global-beats-uniform" in said["show"]
    assert "Is one threshold for the whole network better than one per layer?" in said["run"]
    assert "global-beats-uniform" in said["run"]
