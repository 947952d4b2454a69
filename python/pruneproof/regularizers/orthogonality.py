"""Kernel orthogonality: keep the filters of each layer orthonormal."""

import torch

from pruneproof.api import BadConfig, Regularizer, Source, Tensors


def kernel_orthogonality(
    weights: Tensors, alive: Tensors, *, factor: float = 0.1, larger: bool = False
) -> torch.Tensor:
    """Return factor · Σ_l mean((G - I)²), G the Gram matrix of the shorter side of each layer's W.

    W is the weight as a matrix (outputs, inputs · places of the kernel); G = W Wᵀ where it has at most as many rows as
    columns, else Wᵀ W. The soft orthogonality of Xie, Xiong, Pu (2017), arXiv 1703.01827, who take a sum in place of
    the mean and 1/2; the mean over the entries of G is that of the code for TPP (arXiv 2207.12534), which names it
    KernOrth and weighs such terms by 0.1 in its options.

    Rows or columns that are dead throughout count as 0 in I.

    >>> dense = {"w": torch.ones(2, 2, dtype=torch.bool)}
    >>> kernel_orthogonality({"w": torch.eye(2)}, dense).item()
    0.0
    >>> round(kernel_orthogonality({"w": 2 * torch.eye(2)}, dense, factor=1.0).item(), 4)  # (3² + 3²) / 4
    4.5

    Args:
        weights: the prunable weights, dead ones zero; a vector is a matrix of one column.
        alive: name -> bool mask.
        factor: at least 0.
        larger: take the larger side, as that code does. G then lacks full rank and cannot be I: the penalty has a floor
            above 0 for every layer that is not square.

    Raises:
        BadConfig: a negative factor.
    """
    if factor < 0:
        raise BadConfig(f"the factor of kernel-orthogonality is {factor}; a number from 0 was expected.")
    parts = [_distance(_matrix(weight * alive[name]), _matrix(alive[name]), larger) for name, weight in weights.items()]
    return factor * torch.stack(parts).sum() if parts else torch.zeros(())


def _matrix(weight: torch.Tensor) -> torch.Tensor:
    return weight.flatten(1) if weight.dim() > 1 else weight.reshape(-1, 1)


def _distance(matrix: torch.Tensor, living: torch.Tensor, larger: bool) -> torch.Tensor:
    if (matrix.shape[0] > matrix.shape[1]) != larger:
        matrix, living = matrix.T, living.T
    return (matrix @ matrix.T - torch.diag(living.any(1).to(matrix))).square().sum() / max(len(matrix) ** 2, 1)


KERNEL_ORTHOGONALITY = Regularizer(
    id="kernel-orthogonality",
    penalty=kernel_orthogonality,
    source=Source(
        authors="Xie, Xiong, Pu",
        year=2017,
        title="All You Need is Beyond a Good Init: Exploring Better Solution for Training Extremely Deep "
        "Convolutional Neural Networks with Orthonormality and Modulation",
        arxiv="1703.01827",
        equation="soft orthonormality; KernOrth of arXiv 2207.12534",
    ),
)
