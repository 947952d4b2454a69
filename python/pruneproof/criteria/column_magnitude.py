"""Column magnitude: keep the columns with the largest absolute sum, whole."""

from pruneproof.api import Criterion, Source, Tensors


def column_magnitude(weights: Tensors) -> Tensors:
    """Return Σ_i |w_ij| for every entry of column j, so that a column lives or dies as one.

    Gupta et al. (2022), arXiv 2209.14624, FastGRNN experiment: columns of the low-rank factors are ranked by their
    absolute sum, which lowers the rank. A column holds all entries that share every index but the first. Columns stay
    whole only where the number of survivors is a multiple of the column's length and no two columns tie.

    >>> import torch
    >>> column_magnitude({"W1": torch.tensor([[1.0, -3.0], [2.0, 0.5]])})["W1"].tolist()
    [[3.0, 3.5], [3.0, 3.5]]

    Args:
        weights: name -> tensor of any shape, dead weights zero.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞), equal within a column.
    """
    return {
        name: weight.abs().sum(0, keepdim=True).expand_as(weight).contiguous() if weight.dim() else weight.abs()
        for name, weight in weights.items()
    }


COLUMN_MAGNITUDE = Criterion(
    id="column-magnitude",
    score=column_magnitude,
    source=Source(
        authors="Gupta, Camci, Keneta, Vaidyanathan, Kanodia, Foo, Min, Jie",
        year=2022,
        title="Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning",
        arxiv="2209.14624",
        equation="FastGRNN experiment",
    ),
    laws=frozenset({"data-free", "nonnegative", "sign-invariant", "homogeneous-1"}),
)
