"""What every schedule obeys. s_1 ... s_n are its sparsities for a target t in n steps."""

import math
from itertools import pairwise
from typing import Any

from pruneproof.api import Schedule
from pruneproof.errors import PruneproofError
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.strategies import Course


def one_value_per_step(schedule: Schedule, course: Course) -> None:
    """The answer is a sequence of n numbers."""
    answer: Any = schedule.sparsities(course.target, course.steps)
    advice = "return a list of one float per step, the last one for the last step."
    require(hasattr(answer, "__len__"), f"a {type(answer).__name__}", advice)
    require(len(answer) == course.steps, f"{len(answer)} values", advice)
    for value in answer:
        require(isinstance(value, float | int) and not isinstance(value, bool), f"{value!r} among them", advice)


def in_range(schedule: Schedule, course: Course) -> None:
    """0 <= s_i < 1."""
    for step, value in enumerate(schedule.sparsities(course.target, course.steps), start=1):
        require(0.0 <= value < 1.0, f"{value!r} at step {step}", "clip to [0, target]: rounding can leave it.")


def monotone(schedule: Schedule, course: Course) -> None:
    """s_i <= s_(i+1)."""
    for step, (before, after) in enumerate(pairwise(schedule.sparsities(course.target, course.steps)), start=1):
        advice = "sparsity is cumulative, and pruned weights stay pruned; clip with min(..., target)."
        require(before <= after, f"{before!r} at step {step}, then {after!r}", advice)


def ends_on_target(schedule: Schedule, course: Course) -> None:
    """s_n = t, exactly."""
    last = schedule.sparsities(course.target, course.steps)[-1]
    require(
        last == course.target, f"{last!r} at the last step", "compute the steps before the last, then append target."
    )


def reproducible(schedule: Schedule, course: Course) -> None:
    """Two calls give equal numbers, whatever the state of the global generators, and leave these where they are."""
    before = surroundings.generator_states()
    first = list(schedule.sparsities(course.target, course.steps))
    advice = "make the course a function of target, steps and options alone."
    require(surroundings.generator_states() == before, "a global random generator moved", advice)
    surroundings.stir()
    again = list(schedule.sparsities(course.target, course.steps))
    require(first == again, f"{first[:3]}, then {again[:3]}", advice)


def refuses_nonsense(schedule: Schedule, course: Course) -> None:
    """T outside [0, 1), NaN included, or n < 1 raises one of pruneproof's errors."""
    for target, steps in ((1.0, course.steps), (-0.1, course.steps), (math.nan, course.steps), (course.target, 0)):
        try:
            answer: Any = schedule.sparsities(target, steps)
        except PruneproofError:
            continue
        require(False, f"target {target} in {steps} steps was answered with {answer!r}", "raise BadConfig and say why.")


LAWS = (
    law(one_value_per_step),
    law(in_range),
    law(monotone),
    law(ends_on_target),
    law(reproducible),
    law(refuses_nonsense),
)
