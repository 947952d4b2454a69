"""Filter L1: keep the filters with the largest absolute sum, whole."""

import torch
from pruneproof.api import Criterion, Source, Tensors


def filter_l1(weights: Tensors) -> Tensors:
    """Return s_i = Σ |w_i| for every weight of filter i, so that a filter lives or dies as one.

    Li, Kadav, Durdanovic, Samet, Graf (2017), arXiv 1608.08710, section 3.1: the filters of a layer are ranked by the
    sum of their absolute kernel weights, and the smallest go. A filter is a slice w[i] of a tensor: an output channel
    of a convolution, a row of a linear layer, a single weight of a vector.

    The paper ranks within a layer, so a layer-wise scope (`uniform`) is its setting; between layers a sum favours those
    with more inputs. All weights of a filter tie, and ties break by index: where the number of survivors is no multiple
    of the filter's size, one filter per tensor is cut in two. `pruneproof_slim.filters.whole_filters` rounds it up.

    >>> filter_l1({"fc": torch.tensor([[1.0, -3.0], [2.0, 0.5]])})["fc"].tolist()
    [[4.0, 4.0], [2.5, 2.5]]

    Args:
        weights: name -> tensor of any shape, dead weights zero.

    Returns:
        Scores of the weights' shapes in [0, ∞), equal within a filter. Half precisions are summed, and returned, in
        float32, since a filter's sum may exceed what they can hold.
    """
    return {name: _norms(weight) for name, weight in weights.items()}


def _norms(weight: torch.Tensor) -> torch.Tensor:
    size = weight.abs().to(torch.promote_types(weight.dtype, torch.float32))
    if weight.dim() < 2:
        return size
    return size.flatten(1).sum(1).reshape(-1, *[1] * (weight.dim() - 1)).expand_as(weight).contiguous()


FILTER_L1 = Criterion(
    id="filter-l1",
    score=filter_l1,
    source=Source(
        authors="Li, Kadav, Durdanovic, Samet, Graf",
        year=2017,
        title="Pruning Filters for Efficient ConvNets",
        arxiv="1608.08710",
        equation="section 3.1",
    ),
    laws=frozenset({"data-free", "nonnegative", "sign-invariant", "homogeneous-1"}),
)
