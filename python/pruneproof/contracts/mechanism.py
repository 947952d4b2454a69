"""`Mechanism`: an exact check of networks and masks, and the facts that it returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mechanism:
    """A named exact check: builds small or untrained networks and returns facts, the same on every machine.

    `check(**parameters)` returns the list of facts; the claim holds when every fact does. A check that also takes
    `catalog` gets what the paper's plugins register, to look up models, criteria and the like by id.
    """

    id: str
    check: Callable[..., Sequence["Fact"]]
    about: str


@dataclass(frozen=True)
class Fact:
    """One exact statement with what was expected and what was found."""

    statement: str
    expected: str
    found: str
    holds: bool

    def to_json(self) -> Mapping[str, Any]:
        """Return the fact as JSON values."""
        return {"statement": self.statement, "expected": self.expected, "found": self.found, "holds": self.holds}


DIGITS = 3
"""Significant digits of computed numbers in facts."""


def stated(number: float) -> str:
    """Return a computed number as facts state it: with 3 significant digits.

    Last bits differ between processors; facts have equal digests on all of them unless a number lies within rounding
    error of where its third digit changes.

    >>> stated(0.12345678), stated(0.12345679), stated(0.0)
    ('0.123', '0.123', '0')
    """
    return f"{number:.{DIGITS}g}"
