"""`ClaimTest`: a statistical test that turns samples over seeds into an outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["holds", "fails", "absent", "inconclusive", "not-run"]
"""`absent`: neither holds nor fails, and an effect of the size that was claimed is excluded."""


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
    """Confidence level of the interval, e.g. 0.9."""
    n: int = 0
    """Seeds (or cases) behind `value`."""
    seeds_needed: int | None = None
    """For `inconclusive`: the fewest seeds that may settle it; None where nothing points either way."""
    p: float | None = None
    """Error rate, one-sided, at which the verdict or its opposite would just be reached; None for no statistical test.
    """
    bounds: tuple[float, ...] = ()
    """What `value` was judged against, same unit; zero is left out."""


@dataclass(frozen=True)
class ValueScale:
    """What the value of a test's outcome is, for axes and tables."""

    unit: str = ""
    """Its unit; empty where it is the claim's own."""
    range: tuple[float, float] | None = None
    """The range in which it must lie; None where it has none."""
    signed: bool = False
    """Whether it is a difference, which is written with its sign and drawn against zero."""
    counts: str = ""
    """For a share of seeds: what was counted, as in `3 of 5 seeds collapsed`; empty for other values."""


@dataclass(frozen=True)
class ClaimTest:
    """A named statistical test over samples by seed.

    `decide(samples, **parameters)` gets one sequence per operand of the claim, each ordered by the same seeds, and the
    test's parameters (keyword-only, from claims.toml).
    """

    id: str
    decide: Callable[..., Outcome]
    about: str
    value: ValueScale = ValueScale()
    """What `Outcome.value` is."""
    fewest: Callable[..., int] | None = None
    """Parameters -> the fewest seeds with which any outcome decides; None where the test does not say."""
    spends: Callable[..., float] | None = None
    """(Operands, seeds, parameters) -> how often a wrong verdict can come out, at most 1 - level and 0 where nothing
    can be decided; None where the test does not say, which counts as 1 - level."""
