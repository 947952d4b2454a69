"""Counting rules of published codes: how many weights they keep when told to remove a fraction.

Each rule is restated here from the behaviour of its code, odd cases included. A rule that cuts at a threshold counts
what lies beyond it, so that ties with the threshold live or die together, as in the code. Scores are supposed to be
magnitudes or other numbers from 0 of which larger ones stay. From a mask so far, codes go on in two ways: over all
weights with zeros for the dead ones, or over what is left by a fraction of that.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruneproof.api import CountingRule, InfeasibleSelection, Source

Scores = NDArray[Any]


def open_lth(scores: Scores, fraction: float) -> int:
    """Remove n = ceil(fraction · N) weights and one more: what is at most the score at index n of the ascending order.

    N is the number of weights that are left, and the code takes the fraction of them that one level removes, 0.2 from
    0.2 to 0.36: what a level removed too many is not made up for at the next.

    >>> open_lth(np.arange(10.0), 0.5)
    4

    Raises:
        InfeasibleSelection: index n lies beyond the last score, where the code would raise an IndexError.
    """
    n = math.ceil(fraction * scores.size)
    if n >= scores.size:
        raise InfeasibleSelection(
            f'the counting rule "open-lth" takes its threshold at index {n} of {scores.size} scores, which does not '
            "exist. Lower the sparsity."
        )
    return int(np.count_nonzero(scores > np.partition(scores, n)[n]))


def synflow(scores: Scores, total: int, target: float) -> int:
    """Remove what is at most the k-th smallest score, k = int((1 - density) · N); all ties with it die.

    The code takes the density, so k goes through 1 - (1 - target) in floating point: 0.2 of 1000 gives k = 199. N is
    the number of all weights; those that are dead score 0 and rank among them, so that living zeros may die with them.

    >>> synflow(np.array([1.0, 1.0, 2.0, 3.0]), 4, 0.25), synflow(np.array([0.0, 1.0, 2.0]), 4, 0.25)
    (2, 2)
    """
    k = int((1.0 - (1.0 - target)) * total)
    pool = np.append(scores, np.zeros(total - scores.size, dtype=scores.dtype))
    return scores.size if k < 1 else int(np.count_nonzero(scores > np.partition(pool, k - 1)[k - 1]))


def shrinkbench(scores: Scores, sparsity: float) -> int:
    """Remove scores below t, numpy's linear quantile of the scores at `sparsity`; ties with t live.

    The code also leaves the classifier out of the pool, which here is `Selection.unprunable`.

    >>> shrinkbench(np.array([1.0, 1.0, 1.0, 3.0]), 0.5)
    4
    """
    return int(np.count_nonzero(scores >= np.quantile(scores, 1.0 - (1.0 - sparsity))))


def global_mp_released(scores: Scores, sparsity: float, *, stray: float | None = None) -> int:
    """Keep what is at least the k-th smallest score, k = max(1, int(sparsity · M)); k - 1 weights die, ties live.

    In the code the scores follow one uninitialised scalar, so M = N + 1 and the count changes by one or two with what
    memory held. Here the scalar is left out (M = N) unless `stray` gives its value.

    >>> global_mp_released(np.arange(4.0), 0.5)
    3
    """
    pool = scores if stray is None else np.append(scores, np.asarray(stray, dtype=scores.dtype))
    k = max(1, int(sparsity * pool.size))
    return int(np.count_nonzero(scores >= np.partition(pool, k - 1)[k - 1]))


def torch_prune(size: int, fraction: float) -> int:
    """Remove exactly round(fraction · N) weights, halves to even, as `torch.nn.utils.prune.global_unstructured` does.

    N is the number of weights that are left, and the amount of a further call the fraction of them. torch leaves open
    which of equal scores its top-k returns.

    >>> torch_prune(5, 0.5)
    3
    """
    return size - round(fraction * size)


def jaxpruner(size: int, total: int, target: float) -> int:
    """Keep exactly max(1, round((1 - target) · N)) of all N weights, halves to even, or what is left of them.

    The code also divides each tensor's scores by their L2 norm before it ranks all of them, which here is the score
    `normalised-magnitude`.

    >>> jaxpruner(6, 6, 0.5), jaxpruner(3, 3, 0.9), jaxpruner(2, 6, 0.5)
    (3, 1, 2)
    """
    return min(size, max(1, round(total * (1.0 - target)))) if target else size


RULES: tuple[CountingRule, ...] = (
    CountingRule(
        id="open-lth",
        keep=open_lth,
        source=Source(
            "Frankle, Carbin", 2019, "The Lottery Ticket Hypothesis", "1803.03635", "code: open_lth, sparse_global"
        ),
        about="Removes ceil(p N) + 1 weights; everything tied with the threshold dies.",
        expected_failures={"nothing-removed-at-zero": "the code removes the smallest score even at sparsity 0"},
    ),
    CountingRule(
        id="synflow",
        keep=synflow,
        source=Source(
            "Tanaka, Kunin, Yamins, Ganguli",
            2020,
            "Pruning neural networks without any data by iteratively conserving synaptic flow",
            "2006.05467",
            "code: Synaptic-Flow, Pruners",
        ),
        about="Removes int((1 - density) N) weights in floating point; everything tied with the threshold dies.",
    ),
    CountingRule(
        id="shrinkbench",
        keep=shrinkbench,
        source=Source(
            "Blalock, Gonzalez Ortiz, Frankle, Guttag",
            2020,
            "What is the State of Neural Network Pruning?",
            "2003.03033",
            "code: shrinkbench, strategies",
        ),
        about="Threshold by numpy's interpolating quantile; everything tied with it lives.",
    ),
    CountingRule(
        id="global-mp-released",
        keep=global_mp_released,
        source=Source(
            "Gupta, Camci, Keneta, Vaidyanathan, Kanodia, Foo, Min, Jie",
            2022,
            "Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning",
            "2209.14624",
            "code: GlobalMP, prune.py",
        ),
        about="Keeps scores >= the int(p N)-th smallest: one fewer than asked dies, ties live.",
    ),
    CountingRule(
        id="torch-prune",
        keep=torch_prune,
        source=Source("Paganini, Forde", 2020, "Streamlining Tensor and Network Pruning in PyTorch", "2004.13770"),
        about="Removes exactly round(p N) weights.",
    ),
    CountingRule(
        id="jaxpruner",
        keep=jaxpruner,
        source=Source(
            "Lee et al.",
            2023,
            "JaxPruner: A concise library for sparsity research",
            "2304.14082",
            "code: jaxpruner, global_pruners",
        ),
        about="Keeps exactly max(1, round((1 - p) N)) weights.",
    ),
)
