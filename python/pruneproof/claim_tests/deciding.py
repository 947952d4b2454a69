"""What all claim tests share: how they are declared, and how an interval becomes a verdict with its sentence."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from pruneproof.api import BadConfig, ClaimTest, Interval, Outcome, ValueScale, Verdict, rounded, seeds_to_clear

Samples = NDArray[np.float64]
Level = Annotated[float, Field(gt=0.5, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Relation = Literal[">", "<"]
MOST_SEEDS = 1000
"""Beyond this many seeds, "run more seeds" is no advice."""
PLAIN, DIFFERENCE = ValueScale(), ValueScale(signed=True)


def claim_test(
    name: str,
    about: str,
    *,
    operands: int,
    more: bool = False,
    value: ValueScale = PLAIN,
    refuse: Callable[..., str] = lambda count, **parameters: "",
) -> Callable[[Callable[..., Outcome]], ClaimTest]:
    """Make a claim test of a function that takes the samples as one array of shape (operands, seeds).

    Args:
        name: its id.
        about: one line.
        operands: how many it takes.
        more: whether it takes more as well.
        value: what the value of its outcome is.
        refuse: (number of operands, parameters) -> what is wrong with that number, empty for nothing.
    """

    def register(function: Callable[..., Outcome]) -> ClaimTest:
        options = _options(name, function)

        @functools.wraps(function)  # whose keyword arguments are the options that configs are checked against
        def decide(samples: Sequence[Sequence[float]], **parameters: Any) -> Outcome:
            if len(samples) < operands or (len(samples) > operands and not more):
                wanted = f"at least {operands}" if more else f"exactly {operands}"
                raise BadConfig(f'claim test "{name}" got {len(samples)} operands; it takes {wanted}.')
            resolved = _resolve(name, options, parameters)
            if problem := refuse(len(samples), **resolved):
                raise BadConfig(f'claim test "{name}" got {len(samples)} operands; {problem}.')
            counts = [len(each) for each in samples]
            if len(set(counts)) > 1:
                raise BadConfig(f'claim test "{name}": operands have {counts} seeds; they must share the same seeds.')
            n = counts[0]
            if n < 2:
                reason = f"n = {n} cannot tell a difference from chance: at least 2 seeds are needed."
                return Outcome("inconclusive", reason, n=n, seeds_needed=2)
            values = np.array(samples, dtype=np.float64)
            broken = int((~np.isfinite(values)).sum())
            if broken:
                reason = (
                    f"{broken} of {values.size} values are not finite (diverged networks): there is no mean to judge."
                )
                return Outcome("inconclusive", reason, n=n)
            return function(values, **resolved)

        return ClaimTest(name, decide, about, value)

    return register


def _options(name: str, function: Callable[..., Outcome]) -> type[BaseModel]:
    """Return the parameters of a test as a pydantic model that refuses all others."""
    fields: dict[str, Any] = {
        each.name: (each.annotation, ... if each.default is each.empty else each.default)
        for each in inspect.signature(function).parameters.values()
        if each.kind is each.KEYWORD_ONLY
    }
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return create_model(name, __config__=config, **fields)


def _resolve(name: str, options: type[BaseModel], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with their defaults."""
    try:
        return options(**parameters).model_dump()
    except ValidationError as problem:
        # A misspelt name is also a missing one; the misspelling is the news.
        first = max(problem.errors(), key=lambda each: each["type"] == "extra_forbidden")
        known = ", ".join(options.model_fields)
        message = {
            "extra_forbidden": "it takes no such parameter",
            "missing": "it is missing and has no default; write it in claims.toml",
        }.get(first["type"], f"{first['msg'][0].lower()}{first['msg'][1:]}, found {first['input']!r}")
        raise BadConfig(f'claim test "{name}", parameter "{first["loc"][0]}": {message}. Known: {known}.') from problem


def one_sided(what: str, sample: Samples, interval: Interval, relation: Relation, bound: float, edge: str) -> Outcome:
    """Judge `mean relation bound` by an interval of the mean."""
    above, below = interval.low > bound, interval.high < bound
    if above or below:
        verdict: Verdict = "holds" if above == (relation == ">") else "fails"
        return _mean_outcome(
            verdict, what, sample, interval, f"wholly {'above' if above else 'below'} {edge} {rounded(bound)}"
        )
    return _mean_outcome(
        "inconclusive", what, sample, interval, f"not clear of {edge} {rounded(bound)}", [abs(interval.value - bound)]
    )


def inside(what: str, sample: Samples, interval: Interval, low: float, high: float, region: str) -> Outcome:
    """Judge `low <= mean <= high` by an interval of the mean."""
    if low <= interval.low and interval.high <= high:
        return _mean_outcome("holds", what, sample, interval, f"wholly within {region}")
    if interval.high < low or interval.low > high:
        return _mean_outcome("fails", what, sample, interval, f"wholly outside {region}")
    # A mean inside has two edges to clear, a mean outside only the nearer one.
    gaps = [abs(interval.value - low), abs(interval.value - high)]
    gaps = gaps if low < interval.value < high else [min(gaps)]
    return _mean_outcome("inconclusive", what, sample, interval, f"partly outside {region}", gaps)


def _mean_outcome(
    verdict: Verdict, what: str, sample: Samples, interval: Interval, where: str, gaps: Sequence[float] = ()
) -> Outcome:
    """Put the figures into a sentence; `gaps` to the edges say how many seeds would settle it."""
    n, needed, tail = len(sample), None, ""
    if verdict == "inconclusive":
        needed = seeds_to_clear(gaps, float(sample.std(ddof=1)), interval.level)
        needed = None if needed is None else max(needed, n + 1)
        tail = f"; {advice(needed)}"
    reason = f"{what} is {rounded(interval.value)} over n = {n} seeds, {span(interval)}, {where}{tail}."
    return outcome_of(verdict, reason, interval, n, needed)


def outcome_of(verdict: Verdict, reason: str, interval: Interval, n: int, needed: int | None) -> Outcome:
    """Return an outcome with the figures of an interval."""
    return Outcome(verdict, reason, interval.value, interval.low, interval.high, interval.level, n, needed)


def paired(a: Samples, b: Samples) -> Samples:
    """Return a - b to nine decimals: 0.3 - 0.2 and 0.2 - 0.1 are one and the same difference."""
    difference: Samples = np.round(a - b, 9)
    return difference


def advice(needed: int | None) -> str:
    """Say how many seeds would settle a question."""
    count = f"no number of seeds up to {MOST_SEEDS}" if needed is None else f"about {needed} seeds"
    return f"{count} would settle it if these figures stay"


def span(interval: Interval) -> str:
    """Return an interval in words."""
    return f"{100 * interval.level:g} % interval [{rounded(interval.low)}, {rounded(interval.high)}]"


def ordinal(place: int) -> str:
    """Return a place, counted from 0, in words.

    >>> ordinal(0), ordinal(10), ordinal(21)
    ('1st', '11th', '22nd')
    """
    number = place + 1
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number if number < 20 else number % 10, 'th') }"
