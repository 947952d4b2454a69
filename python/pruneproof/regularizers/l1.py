"""L1: push all weights towards zero with the same force."""

import torch

from pruneproof.api import BadConfig, Regularizer, Source, Tensors


def l1(weights: Tensors, *, factor: float = 1e-4) -> torch.Tensor:
    """Return factor · Σ |w| over the prunable weights; dead ones are zero and get no gradient.

    Han, Pool, Tran, Dally (2015), arXiv 1506.02626, compare it with L2 for training before pruning.

    >>> round(l1({"w": torch.tensor([2.0, -1.0])}, factor=0.1).item(), 4)
    0.3

    Args:
        weights: the prunable weights, dead ones zero.
        factor: at least 0.

    Raises:
        BadConfig: a negative factor.
    """
    if factor < 0:
        raise BadConfig(f"the factor of l1 is {factor}; a number from 0 was expected.")
    return factor * torch.stack([weight.abs().sum() for weight in weights.values()]).sum()


L1 = Regularizer(
    id="l1",
    penalty=l1,
    source=Source(
        authors="Han, Pool, Tran, Dally",
        year=2015,
        title="Learning both Weights and Connections for Efficient Neural Networks",
        arxiv="1506.02626",
    ),
)
