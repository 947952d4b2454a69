"""What all claim tests share: how they are declared, and how counts of seeds become a verdict with its sentence."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from pruneproof.api import (
    MOST_SEEDS,
    BadConfig,
    ClaimTest,
    Interval,
    Outcome,
    ValueScale,
    Verdict,
    attained_error,
    fewest_seeds,
    median_interval,
    rounded,
    seeds_to_settle,
    sign_p,
)

Samples = NDArray[np.float64]
Level = Annotated[float, Field(gt=0.5, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Relation = Literal[">", "<"]
PLAIN, DIFFERENCE = ValueScale(), ValueScale(signed=True)


def claim_test(
    name: str,
    about: str,
    *,
    operands: int,
    more: bool = False,
    value: ValueScale = PLAIN,
    fewest: Callable[..., int] = lambda *, level, **_: fewest_seeds(level),
    spends: Callable[..., float] = lambda count, seeds, *, level, **_: attained_error(seeds, level),
    refuse: Callable[..., str] = lambda count, **parameters: "",
) -> Callable[[Callable[..., Outcome]], ClaimTest]:
    """Make a claim test of a function that takes the samples as one array of shape (operands, seeds).

    Args:
        name: its id.
        about: one line.
        operands: how many it takes.
        more: whether it takes more as well.
        value: what the value of its outcome is.
        fewest: parameters -> the fewest seeds with which any outcome decides.
        spends: (number of operands, number of seeds, parameters) -> how often either wrong verdict comes out at most.
        refuse: (number of operands, parameters) -> what is wrong with them, empty for nothing.
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
                raise BadConfig(f'claim test "{name}" {problem}.')
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
                    f"{broken} of {values.size} values are not finite (diverged, or nothing to measure): not judged."
                )
                return Outcome("inconclusive", reason, n=n)
            return function(values, **resolved)

        def fewest_of(**parameters: Any) -> int:
            return fewest(**_resolve(name, options, parameters))

        def spends_of(count: int, seeds: int, **parameters: Any) -> float:
            return spends(count, seeds, **_resolve(name, options, parameters))

        return ClaimTest(name, decide, about, value, fewest_of, spends_of)

    return register


def shared_error(seeds: int, level: float, parts: int) -> float:
    """Return the error rate of a verdict that any of some parts gives, each tested at its share of 1 - level.

    >>> shared_error(8, 0.95, 2), shared_error(5, 0.95, 2)
    (0.0078125, 0.0)
    """
    return parts * attained_error(seeds, 1 - (1 - level) / parts)


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


@dataclass(frozen=True)
class Signs:
    """The exact sign tests of a median against one bound."""

    claimed: int
    """Seeds on the claimed side."""
    other: int
    """Seeds on the other side; one that cannot be told from the bound is on neither."""
    n: int

    @property
    def p_holds(self) -> float:
        """P value against a median that is not on the claimed side."""
        return sign_p(self.claimed, self.n)

    @property
    def p_fails(self) -> float:
        """P value against a median that is not on the other side."""
        return sign_p(self.other, self.n)

    def seeds_needed(self, level: float) -> int | None:
        """Return the fewest seeds that may decide; None where the seeds so far lean to neither side."""
        return seeds_to_settle(max(self.claimed, self.other), self.n, level)


def signs(sample: Samples, relation: Relation, bound: float, resolution: float = 0.0) -> Signs:
    """Count the seeds on either side of a bound, each value standing for half a resolution to either side."""
    gap = (sample - bound) if relation == ">" else (bound - sample)
    gap = np.round(gap, 9)
    return Signs(int((gap > resolution / 2).sum()), int((gap < -resolution / 2).sum()), len(sample))


def verdict_of(p_holds: float, p_fails: float, level: float) -> Verdict:
    """Return what is decided at error rate 1 - level, if anything."""
    return "holds" if p_holds <= 1 - level else "fails" if p_fails <= 1 - level else "inconclusive"


def one_sided(
    what: str,
    sample: Samples,
    level: float,
    relation: Relation,
    bound: float,
    edge: str,
    *,
    resolution: float = 0.0,
    effect: float | None = None,
) -> Outcome:
    """Judge `median relation bound` by an exact sign test, which is to judge it by `statistics.median_interval`.

    Holds or fails when the test rejects the other side at error rate 1 - level. With an `effect` that was claimed (its
    size, in the direction of `relation`), what is neither but rejects a median as large as that is `absent`.
    """
    found = signs(sample, relation, bound, resolution)
    verdict, p = verdict_of(found.p_holds, found.p_fails, level), min(found.p_holds, found.p_fails)
    beyond = {">": "above", "<": "below"}
    sides = {"holds": beyond[relation], "fails": beyond["<" if relation == ">" else ">"]}
    where = f"wholly {sides[verdict]} {edge} {rounded(bound)}" if verdict in sides else ""
    if verdict == "inconclusive":
        where = f"not clear of {edge} {rounded(bound)}"
        if effect is not None:
            size = effect if relation == ">" else -effect
            p_absent = signs(sample, relation, size, resolution).p_fails
            if p_absent <= 1 - level:
                short = "below" if relation == ">" else "above"
                verdict, p, where = "absent", p_absent, f"{where}, but wholly {short} the effect of {rounded(size)}"
    needed = found.seeds_needed(level)
    return _median_outcome(verdict, what, sample, level, where, p, (bound,), needed, resolution)


def inside(
    what: str, sample: Samples, level: float, low: float, high: float, region: str, *, resolution: float = 0.0
) -> Outcome:
    """Judge `low <= median <= high` by two one-sided sign tests, each at error rate 1 - level (Schuirmann 1987).

    Holds when both reject a median beyond their edge, fails when one rejects that it is on the inner side.
    """
    edges = signs(sample, ">", low, resolution), signs(sample, "<", high, resolution)
    p_holds, p_fails = max(each.p_holds for each in edges), min(each.p_fails for each in edges)
    verdict = verdict_of(p_holds, p_fails, level)
    where = {"holds": "wholly within", "fails": "wholly outside"}.get(verdict, "not clear of an edge of")
    needed = most_seeds(each.seeds_needed(level) for each in edges if each.p_holds > 1 - level)
    p = min(p_holds, p_fails)
    return _median_outcome(verdict, what, sample, level, f"{where} {region}", p, (low, high), needed, resolution)


def most_seeds(needed: Iterable[int | None]) -> int | None:
    """Return how many seeds may settle all that is open; None where nothing is, or one does not know.

    >>> most_seeds([6, 12]), most_seeds([6, None]), most_seeds([])
    (12, None, None)
    """
    counts = list(needed)
    known = [count for count in counts if count is not None]
    return max(known) if known and len(known) == len(counts) else None


def _median_outcome(
    verdict: Verdict,
    what: str,
    sample: Samples,
    level: float,
    where: str,
    p: float,
    bounds: Sequence[float],
    needed: int | None,
    resolution: float,
) -> Outcome:
    """Put the figures into a sentence, and for what is open how many seeds it lacks."""
    n, interval = len(sample), median_interval(sample, 2 * level - 1, resolution)
    tail = ""
    if verdict != "inconclusive":
        needed = None
    elif n < fewest_seeds(level):
        needed, tail = fewest_seeds(level), too_few(n, level)
    else:
        tail = advice(needed)
    reason = (
        f"{what} is {rounded(interval.value)} over n = {n} seeds, {span(interval)}, {where}, p = {p:.2g} at error rate "
        f"{1 - level:.2g}{tail}."
    )
    return outcome_of(verdict, reason, interval, n, needed, p, bounds)


def outcome_of(
    verdict: Verdict,
    reason: str,
    interval: Interval,
    n: int,
    needed: int | None,
    p: float,
    bounds: Sequence[float] = (),
) -> Outcome:
    """Return an outcome with the figures of an interval."""
    set_by_claim = tuple(bound for bound in bounds if bound != 0)
    return Outcome(
        verdict, reason, interval.value, interval.low, interval.high, interval.level, n, needed, p, set_by_claim
    )


def paired(a: Samples, b: Samples) -> Samples:
    """Return a - b to nine decimals: 0.3 - 0.2 and 0.2 - 0.1 are one and the same difference."""
    difference: Samples = np.round(a - b, 9)
    return difference


def advice(needed: int | None) -> str:
    """Say how many seeds may settle a question; nothing where the seeds so far lean to neither side.

    >>> advice(12), advice(None)
    ('; between 12 and more than 1000 seeds would settle it', '')
    """
    return "" if needed is None else f"; between {needed} and more than {MOST_SEEDS} seeds would settle it"


def too_few(n: int, level: float, share: float = 0.5) -> str:
    """Say that no outcome of so few seeds decides; nothing where one does.

    >>> too_few(3, 0.95), too_few(5, 0.95)
    ('; n = 3 cannot decide, since even seeds that all agree have p = 0.12: at least 5 are needed', '')
    """
    fewest = fewest_seeds(level, share)
    if n >= fewest:
        return ""
    agreed = f"even seeds that all agree have p = {share**n:.2g}"
    return f"; n = {n} cannot decide, since {agreed}: at least {fewest} are needed"


def span(interval: Interval) -> str:
    """Return an interval in words."""
    return f"{100 * interval.level:.3g} % interval [{rounded(interval.low)}, {rounded(interval.high)}]"


def ordinal(place: int) -> str:
    """Return a place, counted from 0, in words.

    >>> ordinal(0), ordinal(10), ordinal(21)
    ('1st', '11th', '22nd')
    """
    number = place + 1
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number if number < 20 else number % 10, 'th') }"
