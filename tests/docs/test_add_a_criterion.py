"""Writes the files of docs/add-a-criterion.md, puts the package in reach and runs the page's commands."""

import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from pruneproof.cli import execute
from pruneproof.contracts.ingredients import INGREDIENTS
from pruneproof.papers.record import Record

PAGE = (Path(__file__).parents[2] / "docs" / "add-a-criterion.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`(my_score.py|relative-score/\S+)`\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = [
    line
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith("repro ")
]


@pytest.fixture
def repro(tmp_path, pip, monkeypatch, capsys):
    """The page's package on the path with the metadata that pip would write, and one store for all commands."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    site = tmp_path / "relative-score"
    project = tomllib.loads(FILES["relative-score/pyproject.toml"])["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    heading = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(heading, encoding="utf-8")
    points = "".join(f"{name} = {target}\n" for name, target in project["entry-points"]["pruneproof"].items())
    (info / "entry_points.txt").write_text(f"[pruneproof]\n{points}", encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PRUNEPROOF_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PRUNEPROOF_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(command, *more):
        arguments = [*shlex.split(command)[1:], *more]
        capsys.readouterr()
        status = execute(arguments)
        return status, *capsys.readouterr()

    run.note = site / "relative_score" / "note"
    run.reports_of_twins = tmp_path / "store" / "reports" / "global-mp"
    run.reports = tmp_path / "store" / "reports" / "relative-note"
    yield run
    sys.modules.pop("relative_score", None)


def test_the_page_holds_a_whole_package_and_commands():
    assert {Path(name).name for name in FILES} == {
        "my_score.py",
        "pyproject.toml",
        "__init__.py",
        "paper.toml",
        "runs.toml",
        "claims.toml",
        "citation.bib",
    }
    assert len(COMMANDS) == len(re.findall(r"^repro ", PAGE, re.MULTILINE)) > 0


@pytest.mark.parametrize(("name", "meaning"), INGREDIENTS.items())
def test_the_page_lists_each_ingredient_with_the_meaning_of_the_vocabulary(name, meaning):
    assert f"| `{name}` | {meaning} |" in PAGE


def test_the_page_lists_no_other_ingredient():
    table = PAGE.split("| ingredient |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(INGREDIENTS)


@pytest.mark.slow
def test_every_command_of_the_page_does_what_the_page_says(repro):
    answers = [(command, repro(command, *_in_this_process(command))) for command in COMMANDS]
    for command, (status, _, complaint) in answers:
        allowed = (0, 1, 2) if command.startswith("repro run") else (0,)
        assert status in allowed, f"{command}: {complaint}"
    said = {command: out for command, (_, out, _) in answers}

    with_twins = [Record.load(path) for path in repro.reports_of_twins.glob("*/record.json")]
    assert [record.twins for record in with_twins] == [("my-score",), ("my-score",)]
    assert all({cell.method for cell in record.cells} == {"global", "global-my-score"} for record in with_twins)
    assert "criterion: other-score" in said["repro plugins other-score"]
    (planned,) = [said[command] for command in COMMANDS if command.startswith("repro plan global-mp")]
    assert "global-other-score" in planned

    assert "relative-score  relative-score 0.1.0  (relative_score)" in said["repro plugins"]
    assert "criterion: relative-magnitude" in said["repro plugins"]

    records = [Record.load(path) for path in repro.reports.glob("*/record.json")]
    whole = Record.load(repro.reports / "mini" / "record.json")
    (claim,) = whole.claims
    assert claim.id == "relative-beats-plain"
    assert claim.verdict in ("holds", "fails", "inconclusive")
    assert claim.n == 3
    (more,) = [record for record in records if record.seeds_asked and not record.variant]
    assert [each.n for each in more.claims] == [5]
    assert [plugin.name for plugin in whole.plugins] == ["builtin", "relative-score"]

    (variant,) = [record for record in records if record.variant]
    assert variant.claims == ()
    dense = {stage.digest for stage in variant.stages if "dense" in stage.label}
    assert dense
    assert dense <= {stage.digest for stage in whole.stages}
    assert "digests agree" in said["repro verify relative-note"]


def _in_this_process(command):
    """Return what saves the start of worker processes; the page's first run goes as it stands."""
    verb = command.split()[1]
    return ["--workers", "1"] if verb == "verify" or command.startswith("repro run relative-note --") else []


def test_an_installed_criterion_is_unknown_to_a_paper_that_does_not_name_its_plugin(repro):
    path = repro.note / "paper.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(', "relative-score"]', "]"), encoding="utf-8")
    status, _, complaint = repro("repro plan relative-note")
    assert status == 64
    assert 'criterion "relative-magnitude" (note/runs.toml, line ' in complaint
    assert "Did you forget to list a plugin in paper.toml?" in complaint
