"""docs/audit.md and docs/exit-status.md against the levels, and the page's example."""

import re
from pathlib import Path

import pytest

from pruneproof.cli.audit import NO_LEVEL, STATUSES
from pruneproof.papers.audit import AGAINST_SCRATCH, LADDER, TOLERANCE
from pruneproof.papers.audit_card import POINTS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "audit.md").read_text(encoding="utf-8")
CARDS = dict(re.findall(r"^`([\w-]+\.toml)`\n\n```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def rows(heading):
    table = PAGE.split(f"<!-- {heading} -->\n\n")[1].split("\n\n")[0]
    return [tuple(cell.strip() for cell in row.split("|")[1:-1]) for row in table.splitlines()[2:]]


def test_the_levels_are_listed_in_order_with_what_they_ask_for():
    assert rows("levels") == [(level.id, level.about) for level in LADDER]
    of_scratch = [(level.id, level.needs, level.about) for level in AGAINST_SCRATCH if level.needs]
    assert rows("levels against scratch") == of_scratch


def test_the_status_of_every_level_is_listed():
    page = (DOCS / "exit-status.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| (\d+) \| ([\w.-]+) \|$", page, re.MULTILINE)
    assert found == [(str(NO_LEVEL), "none"), *((str(status), level) for level, status in STATUSES.items())]


def test_the_page_names_the_numbers_of_the_comparison():
    assert f"`--tolerance` ({TOLERANCE:g} when left out)" in PAGE
    assert f"at {POINTS} places of every epoch" in PAGE


@pytest.fixture
def cards(folders, monkeypatch):
    monkeypatch.chdir(folders)
    monkeypatch.setenv("COLUMNS", "110")
    for name, text in CARDS.items():
        (folders / name).write_text(text, encoding="utf-8")


def test_the_first_command_says_what_the_page_prints(cards, repro):
    printed = PAGE.split("<!-- output -->\n\n```text\n")[1].split("```")[0]
    found = repro("audit", *CARDS)
    assert found.status == STATUSES["S1"]
    assert [line.rstrip() for line in found.out.strip().splitlines()] == [
        line.rstrip() for line in printed.strip().splitlines()
    ]


def test_the_other_commands_run(cards, repro):
    commands = re.findall(r"^repro audit ([^\n]*)$", PAGE.split("```console\n")[1].split("```")[0], re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        assert repro("audit", *command.split()).status in (NO_LEVEL, *STATUSES.values())
