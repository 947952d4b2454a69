"""The faulty rules that mutants of a plan name: a plugin of one file, loaded by `repro mutate` alone.

As rules of a plugin they enter a stage's digest with the digest of this file: no such stage is taken for a paper's own.
"""

import math

import torch

from pruneproof.api import CountingRule, Criterion, Source, Tensors, Transform, Transformed, hookimpl

MUTATION = Source("DeMillo, Lipton, Sayward", 1978, "Hints on Test Data Selection: Help for the Practicing Programmer")
ROUNDING = 1e-6
"""Units by which a product of a fraction and a size may miss the whole number that it stands for."""


def keep_one_more(size: int, sparsity: float) -> int:
    """Return k + 1 where the exact count keeps k = N - floor(sparsity N) of N units; N at most.

    >>> keep_one_more(10, 0.9), keep_one_more(10, 0.0)
    (2, 10)
    """
    return min(size, _exact(size, sparsity) + 1)


def keep_one_fewer(size: int, sparsity: float) -> int:
    """Return k - 1 where the exact count keeps k = N - floor(sparsity N) of N units; 0 at least.

    >>> keep_one_fewer(10, 0.8), keep_one_fewer(10, 0.95)
    (1, 0)
    """
    return max(0, _exact(size, sparsity) - 1)


def _exact(size: int, sparsity: float) -> int:
    # of a network that is pruned already, the sparsity is a quotient of counts and has a rounding error
    return math.ceil((1.0 - sparsity) * size - ROUNDING)


def signed_magnitude(weights: Tensors) -> Tensors:
    """Return w in place of |w|: the most negative weights go first.

    >>> signed_magnitude({"fc.weight": torch.tensor([1.0, -3.0])})["fc.weight"].tolist()
    [1.0, -3.0]
    """
    return {name: weight.clone() for name, weight in weights.items()}


def revive(weights: Tensors, alive: Tensors) -> Transformed:
    """Return a mask without a dead weight over weights that pruning has set to zero: nothing keeps them there."""
    return Transformed(alive={name: torch.ones_like(each) for name, each in alive.items()}, state=weights)


@hookimpl
def pruneproof_counting_rules() -> list[CountingRule]:
    """Counts that are one off."""
    return [
        CountingRule("keep-one-more", keep_one_more, MUTATION, "Keeps one unit more than the exact count."),
        CountingRule("keep-one-fewer", keep_one_fewer, MUTATION, "Keeps one unit fewer than the exact count."),
    ]


@hookimpl
def pruneproof_criteria() -> list[Criterion]:
    """Magnitude without its absolute value."""
    return [Criterion("signed-magnitude", signed_magnitude, MUTATION)]


@hookimpl
def pruneproof_transforms() -> list[Transform]:
    """A mask that is dropped once it has been applied."""
    return [Transform("revive", revive, MUTATION, "Zeroes what is pruned and drops the mask.")]
