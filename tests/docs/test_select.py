"""docs/select.md lists the registered rules of a selection and their options; what it says is refused is refused."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from pruneproof import select
from pruneproof.allocations.catalogue import ALLOCATIONS
from pruneproof.api import BadConfig, Selection
from pruneproof.contracts.selection import Reduction
from pruneproof.counting.catalogue import COUNTING_RULES
from pruneproof.floors.catalogue import FLOORS
from pruneproof.registry.kinds import kind_of
from pruneproof.selection.candidates import MEASURES
from pruneproof.structures.catalogue import STRUCTURES

PAGE = (Path(__file__).parents[2] / "docs" / "select.md").read_text(encoding="utf-8")
TABLES = dict(re.findall(r"^<!-- (.+) -->\n\n\|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.MULTILINE))
RULES = {"structures": STRUCTURES, "floors": FLOORS, "counting rules": COUNTING_RULES}
REFUSED = [
    {"scope": "row", "structure": "filter"},
    {"scope": "row", "floor": "count"},
    {"scope": "row", "count": "open-lth"},
    {"scope": "row", "ties": "last"},
    {"structure": "2:4", "scope": "tensor"},
    {"structure": "2:4", "floor": "count"},
    {"structure": "2:4", "count": "torch-prune"},
    {"structure": "2:4", "ties": "last"},
    {"scope": "erk", "count": "open-lth"},
    {"scope": "erk", "floor": "global-mp-released"},
    {"scope": "tensor", "floor": "global-mp-released"},
    {"count": "torch-prune", "floor": "global-mp-released"},
]
"""What the page says does not go together."""


def options_of(rule):
    """Return a rule's options as the page writes them."""
    options = kind_of(type(rule)).options(rule).items()
    return ", ".join(f"`{name} = {written(default)}`" for name, default in options)


def written(value):
    if isinstance(value, tuple):
        value = list(value)
    return "none" if value is None else f'"{value}"' if isinstance(value, str) else str(value)


def rows_of(kind):
    """Return the rows of the page's table of a kind of rules."""
    return "".join(f"| `{rule.id}` | {rule.about} | {options_of(rule)} |\n" for rule in RULES[kind])


@pytest.mark.parametrize("kind", RULES)
def test_the_rules_are_listed_as_they_are_registered(kind):
    assert TABLES[kind] == rows_of(kind), f"write:\n\n{rows_of(kind)}"


def test_the_allocations_are_listed_with_their_options():
    found = [(row.split(" | ")[0], row.rpartition(" | ")[2]) for row in TABLES["allocations"].splitlines()]
    assert found == [(f"| `{each.id}`", f"{options_of(each)} |".lstrip()) for each in ALLOCATIONS]


def test_the_scores_and_reductions_are_those_of_the_function():
    scores = PAGE.split("| `score` |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", scores, re.MULTILINE) == list(MEASURES)
    assert all(f'"{word}"' in PAGE for word in get_args(Reduction))


@pytest.mark.parametrize("content", REFUSED, ids=lambda content: " ".join(content.values()))
def test_what_does_not_go_together_is_refused(content):
    amount = {} if content.get("structure") == "2:4" else {"sparsity": 0.5}
    with pytest.raises(BadConfig):
        select({"w": np.arange(16.0).reshape(4, 4)}, selection=Selection(**content), **amount)
