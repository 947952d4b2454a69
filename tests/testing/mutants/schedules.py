"""Schedules that are each wrong in one way, and the law meant to tell."""

import random

from mutants.mutant import MUTANTS, SOURCE, Mutant, schedule
from pruneproof.api import Schedule


@schedule("one-value-per-step", "values")
def begins_before_the_first_step(target, steps):
    return [target * step / steps for step in range(steps + 1)]


@schedule("in-range", "at step 1")
def reaches_one(target, steps):
    return [1.0] * (steps - 1) + [target]


@schedule("monotone", "cumulative")
def decreases(target, steps):
    return [target / 2 + 0.1 / step for step in range(1, steps)] + [target]


@schedule("monotone", "cumulative")
def overshoots(target, steps):
    return [min(0.99, target + 0.01)] * (steps - 1) + [target]


@schedule("ends-on-target", "append target")
def ends_short(target, steps):
    return [target * (1 - 0.5**step) for step in range(1, steps + 1)]


@schedule("reproducible", "function of target")
def throws_dice(target, steps):
    return [*sorted(random.random() * target for _ in range(steps - 1)), target]


def answers_everything(target, steps):
    return [target] * steps


MUTANTS.append(Mutant("refuses-nonsense", Schedule("answers-everything", answers_everything, SOURCE), "BadConfig"))
