"""What every learning-rate schedule obeys. f(p, E) is the factor after p of E epochs, options at their defaults."""

import math
from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from pruneproof.api import LRSchedule, PruneproofError
from pruneproof.contracts.functions import ingredients
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.networks import Readable


@dataclass(frozen=True, repr=False)
class Moment(Readable):
    """A moment of a training: so many of so many epochs."""

    progress: float = -1.0
    epochs: float = -1.0


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """Draw whole numbers of epochs, and moments at an epoch's beginning or within it."""
    epochs = draw(st.integers(1, 200))
    progress = draw(st.integers(0, epochs - 1) | st.floats(0.0, float(epochs), exclude_max=True))
    return Moment(float(progress), float(epochs))


def plain_moments() -> list[Moment]:
    """Return moments that are always tried: the first and the last epoch of short and long trainings."""
    return [Moment(progress, epochs) for epochs in (1.0, 2.0, 90.0) for progress in (0.0, epochs - 1, epochs - 0.01)]


def finite_and_nonnegative(schedule: LRSchedule, moment: Moment) -> None:
    """0 <= f(p, E) < ∞ for 0 <= p < E."""
    factor = _factor(schedule, moment)
    number = isinstance(factor, int | float) and not isinstance(factor, bool)
    require(number, f"{factor!r} of type {type(factor).__name__}", "return a float.")
    require(math.isfinite(factor) and factor >= 0, f"{factor!r}", "clip to zero; look for a division by zero.")


def reproducible(schedule: LRSchedule, moment: Moment) -> None:
    """f(p, E) = f(p, E), whatever was asked before; the global generators neither matter nor move."""
    before = surroundings.generator_states()
    first = _factor(schedule, moment)
    advice = "make the factor a function of progress, epochs and options alone, so that any epoch can be resumed."
    require(surroundings.generator_states() == before, "a global random generator moved", advice)
    surroundings.stir()
    _factor(schedule, Moment(0.0, moment.epochs))
    again = _factor(schedule, moment)
    require(first == again, f"{first!r}, then {again!r}", advice)


def _factor(schedule: LRSchedule, moment: Moment) -> Any:
    """Ask for the factor; a schedule that wraps another one gets a straight line to zero."""
    wrapped = [_line] if "inner" in ingredients(schedule.factor) else []
    try:
        return schedule.factor(moment.progress, moment.epochs, *wrapped)
    except PruneproofError:
        assume(False)


def _line(progress: float, epochs: float) -> float:
    return max(0.0, 1.0 - progress / epochs) if epochs > 0 else 0.0


LAWS = (law(finite_and_nonnegative), law(reproducible))
