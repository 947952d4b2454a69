"""Counting rules that are each wrong in one way, and the law meant to tell."""

import random

from mutants.mutant import counting, turning


@counting("in-range", "return an int")
def keeps_a_fraction(size, sparsity):
    return size * (1 - sparsity)


@counting("in-range", "clip to")
def keeps_one_unit_too_many(size, sparsity):
    return size + 1 - int(sparsity * size)


@counting("monotone", "round the same way")
def keeps_more_the_more_it_removes(size, sparsity):
    return int(sparsity * size)


@counting("nothing-removed-at-zero", "at sparsity 0")
def always_removes_one(size, sparsity):
    return max(0, size - int(sparsity * size) - 1)


@counting("close-to-asked", "not the one to keep")
def takes_sparsity_for_density(size, sparsity):
    return size if sparsity == 0 else int(size * sparsity)


@counting("close-to-asked", "were asked for")
def removes_twice_as_much(size, sparsity):
    return max(0, size - int(2 * sparsity * size))


@counting("reproducible", "then")
def counts_in_turn(size):
    return turning(size)


@counting("reproducible", "global random generator")
def draws_its_counts(size):
    return random.randint(0, size)


@counting("inputs-untouched", "before you sort")
def sorts_in_place(scores, sparsity):
    scores.sort()
    return scores.size - int(sparsity * scores.size)
