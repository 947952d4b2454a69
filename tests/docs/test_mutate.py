"""docs/mutate.md against the table of mutants and the words of their outcomes."""

import re
from pathlib import Path
from typing import get_args

from pruneproof.pipeline.mutants import MUTANTS
from pruneproof.pipeline.mutate import State

PAGE = (Path(__file__).parents[2] / "docs" / "mutate.md").read_text(encoding="utf-8")


def test_the_mutants_are_listed_in_order_with_what_they_do():
    table = PAGE.split("<!-- mutants -->")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \| [^|]+ \|$", table, re.MULTILINE)
    assert rows == [(each.id, each.about.replace("|", r"\|")) for each in MUTANTS]


def test_every_outcome_of_a_mutant_has_its_row():
    assert {f"| `{state}` |" in PAGE for state in get_args(State) if state != "untouched"} == {True}
    assert "| `–` |" in PAGE
