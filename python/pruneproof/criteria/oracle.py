"""Oracle pruning: of all ways to remove filters from a layer, the one with the least loss before any retraining."""

import math
from itertools import combinations

import torch

from pruneproof.api import BadConfig, Criterion, Probe, Source, Tensors, keep_count

SAME = 1e-12
"""Losses that differ by less than this, relative to the least, are equal."""


def oracle_pruning(
    weights: Tensors, alive: Tensors, probe: Probe, *, sparsity: float = 0.5, most: int = 1000
) -> dict[str, torch.Tensor]:
    """Return 1 for the weights of the filters that the oracle keeps of each tensor, and 0 for the others.

    For each tensor on its own, the others as they are: of all ways to keep k = max(1, n - floor(sparsity · n)) of its n
    living filters, the one under which the mean loss on the scoring samples is least, in evaluation mode and float64.
    Where several ways are equally good, to 1e-12, the score is the share of them that keep the filter. There is no
    order in this: the oracle for k filters need not hold that for k - 1. So
    `sparsity` must be the one that is selected at, with `scope = "tensor"` and `structure = "filter"`.

    Feng, Tao, Wang (2024), arXiv 2412.00143, find that a small loss before retraining says little of the accuracy after
    it. They enumerate a layer's filters, too, and draw 1,000 masks where several layers are pruned at once, which has
    no counterpart here. A tensor that is not prunable in the selection is searched in vain: name few layers.

    Args:
        weights: the prunable weights, output units first, dead ones zero.
        alive: name -> bool mask; a filter with a weight that is alive is alive.
        probe: on the scoring samples.
        sparsity: share of a tensor's living filters that goes, in [0, 1).
        most: largest number of subsets of a tensor that is tried.

    Raises:
        BadConfig: a sparsity out of range, or a tensor with more subsets than `most`.
    """
    if not 0 <= sparsity < 1:
        raise BadConfig(f"oracle-pruning got sparsity = {sparsity}; a share in [0, 1) was expected.")
    scores = {name: torch.zeros_like(each) for name, each in weights.items()}
    for name, weight in weights.items():
        living = alive[name].flatten(1).any(1) if weight.dim() > 1 else alive[name]
        places = living.nonzero().flatten().tolist()
        count = max(1, keep_count(len(places), sparsity))
        if count >= len(places):
            scores[name][places] = 1
            continue
        if (tried := math.comb(len(places), count)) > most:
            raise BadConfig(
                f'oracle-pruning would try {tried} ways to keep {count} of the {len(places)} filters of "{name}"; at '
                f"most {most} were allowed. Take a narrower network, or raise `most`."
            )
        losses = {}
        for kept in combinations(places, count):
            cut = torch.zeros_like(weight)
            cut[list(kept)] = weight[list(kept)]
            loss = probe.loss(at={**weights, name: cut}, double=True)
            losses[kept] = math.inf if math.isnan(loss) else loss
        least = min(losses.values())
        best = [kept for kept, loss in losses.items() if loss <= least + SAME * abs(least)]
        for kept in best:
            scores[name][list(kept)] += 1 / len(best)
    return scores


ORACLE_PRUNING = Criterion(
    id="oracle-pruning",
    score=oracle_pruning,
    source=Source(
        authors="Feng, Tao, Wang",
        year=2024,
        title="Is Oracle Pruning the True Oracle?",
        arxiv="2412.00143",
        equation="one layer, exhaustively",
    ),
)
