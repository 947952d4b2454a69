"""Magnitude: keep the largest weights."""

from pruneproof.api import Criterion, Source, Tensors


def magnitude(weights: Tensors) -> Tensors:
    """Return |w| for each weight.

    Han, Pool, Tran, Dally (2015), arXiv 1506.02626: connections whose weight lies below a threshold are removed.
    No normalisation per tensor: with a global scope, weights of different tensors compete as they are.

    >>> import torch
    >>> magnitude({"fc.weight": torch.tensor([[1.0, -3.0], [0.5, 0.0]])})["fc.weight"].tolist()
    [[1.0, 3.0], [0.5, 0.0]]

    Args:
        weights: name -> tensor of any shape, dead weights zero.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞).
    """
    return {name: weight.abs() for name, weight in weights.items()}


MAGNITUDE = Criterion(
    id="magnitude",
    score=magnitude,
    source=Source(
        authors="Han, Pool, Tran, Dally",
        year=2015,
        title="Learning both Weights and Connections for Efficient Neural Networks",
        arxiv="1506.02626",
    ),
    laws=frozenset({"data-free", "nonnegative", "sign-invariant", "homogeneous-1", "zero-for-zero-weight"}),
)
