"""`ClaimTest` and `Mechanism`: the named procedures that turn evidence into an outcome."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["holds", "fails", "inconclusive", "not-run"]


@dataclass(frozen=True)
class Outcome:
    """The answer of a test: verdict, reason in one sentence, and the figures behind it."""

    verdict: Verdict
    reason: str
    value: float | None = None
    """Our number, in the claim's unit; None where there is no single number."""
    low: float | None = None
    high: float | None = None
    """Interval around `value`, same unit."""
    level: float | None = None
    """Confidence level of the interval, e.g. 0.95."""
    n: int = 0
    """Seeds (or cases) behind `value`."""
    seeds_needed: int | None = None
    """For `inconclusive`: about how many seeds would settle it; None where no number would."""


@dataclass(frozen=True)
class ClaimTest:
    """A named statistical test over samples by seed.

    `decide(samples, **parameters)` gets one sequence per operand of the claim, each ordered by the same seeds, and the
    test's parameters (keyword-only, from claims.toml).
    """

    id: str
    decide: Callable[..., Outcome]
    about: str


@dataclass(frozen=True)
class Mechanism:
    """A named exact check: builds small or untrained networks and returns facts, the same on every machine.

    `check(**parameters)` returns the list of facts; the claim holds when every fact does.
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
