"""Allocations that are each wrong in one way, and the law meant to tell."""

import numpy as np

from mutants.mutant import allocation
from pruneproof.selection.rounding import proportional


def fair(weights, keep):
    return proportional({name: int(np.prod(each.shape)) for name, each in weights.items()}, keep)


@allocation("names-and-whole-numbers", "counts for")
def forgets_a_tensor(weights, keep):
    return dict(list(fair(weights, keep).items())[1:])


@allocation("names-and-whole-numbers", "float")
def keeps_fractions_of_weights(weights, keep):
    return {name: float(count) for name, count in fair(weights, keep).items()}


@allocation("total-exact", "largest remainder")
def is_off_by_one(weights, keep):
    size = sum(int(np.prod(each.shape)) for each in weights.values())
    return {name: round(keep * int(np.prod(each.shape)) / size) if size else 0 for name, each in weights.items()}


@allocation("within-size", "make a tensor dense")
def exceeds_a_tensor(weights, keep):
    return {name: keep if place == 0 else 0 for place, name in enumerate(weights)}


@allocation("floors-honoured", "keeps")
def exceeds_a_tensor_as_a_scope(weights, keep):
    return {name: keep if place == 0 else 0 for place, name in enumerate(weights)}


@allocation("reproducible", "global random generator")
def moves_the_numpy_generator(weights, keep):
    np.random.rand()
    return fair(weights, keep)


@allocation("inputs-untouched", "copy before you alter")
def writes_to_weights(weights, keep):
    for each in weights.values():
        each *= 2
    return fair(weights, keep)


@allocation("ties-by-index", "instead of")
def turns_the_ranking(weights, keep):
    for each in weights.values():
        each *= -1
    return fair(weights, keep)


@allocation("order-irrelevant", "reverse order")
def fills_the_first_tensor_first(weights, keep):
    counts = {}
    for name, each in weights.items():
        counts[name] = min(keep, int(np.prod(each.shape)))
        keep -= counts[name]
    return counts


@allocation("numpy-and-torch-agree", "TypeError")
def knows_numpy_only(weights, keep):
    return proportional({name: each.size for name, each in weights.items()}, keep)
