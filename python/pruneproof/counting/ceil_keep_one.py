"""Ceil, keep one: remove the next whole number of units, but never the last one."""

from pruneproof.api import CountingRule, Source, decimal_floor


def ceil_keep_one(size: int, sparsity: float) -> int:
    """Remove min(ceil(sparsity · N), N - 1) of N units, the product taken in decimal.

    The rule for the filters of a layer in the code of Wang et al. (2023), arXiv 2301.05219.

    >>> ceil_keep_one(16, 0.3), ceil_keep_one(10, 0.3), ceil_keep_one(4, 0.99), ceil_keep_one(0, 0.5)
    (11, 7, 1, 0)
    """
    removed = -decimal_floor(-sparsity, size)
    return size - max(0, min(removed, size - 1))


CEIL_KEEP_ONE = CountingRule(
    id="ceil-keep-one",
    keep=ceil_keep_one,
    source=Source(
        authors="Wang, Qin, Bai, Fu",
        year=2023,
        title="Why is the State of Neural Network Pruning so Confusing? On the Fairness, Comparison Setup, and "
        "Trainability in Network Pruning",
        arxiv="2301.05219",
        equation="code: filters pruned per layer",
    ),
    about="Removes ceil(p N) units, and leaves at least one.",
)
