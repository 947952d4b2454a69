"""Blocks of the damped empirical Fisher matrix, F = λI + 1/n Σ_i g_i g_iᵀ, and their inverses."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from pruneproof.api import BadConfig


@dataclass(frozen=True)
class Inverse:
    """F⁻¹ of one block, never as a matrix of d x d where there are fewer gradients than weights.

    >>> inverse = Inverse.of(torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]], dtype=torch.float64), 0.5)
    >>> [round(7 * each, 4) for each in inverse.diagonal.tolist()]
    [11.0, 8.0, 4.0]
    """

    gradients: torch.Tensor
    """g_i, shape (n, d), float64."""
    damp: float
    """λ > 0."""
    factor: torch.Tensor
    """Cholesky factor of F where d <= n, else of n λ I + G Gᵀ, G the gradients."""
    diagonal: torch.Tensor
    """[F⁻¹]_qq, shape (d,)."""

    @classmethod
    def of(cls, gradients: torch.Tensor, damp: float) -> "Inverse":
        """Factorise the smaller of the two matrices."""
        count, size = gradients.shape
        if size <= count:
            factor = torch.linalg.cholesky(gradients.T @ gradients / count + damp * _identity(size, gradients))
            return cls(gradients, damp, factor, torch.cholesky_inverse(factor).diagonal())
        factor = torch.linalg.cholesky(gradients @ gradients.T + count * damp * _identity(count, gradients))
        shares = torch.linalg.solve_triangular(factor, gradients, upper=False).square().sum(0)
        return cls(gradients, damp, factor, (1.0 - shares) / damp)

    def times(self, vector: torch.Tensor) -> torch.Tensor:
        """Return F⁻¹ v; where d > n by Woodbury's identity, (v - Gᵀ (n λ I + G Gᵀ)⁻¹ G v) / λ."""
        if len(self.factor) == len(vector):
            return torch.cholesky_solve(vector[:, None], self.factor)[:, 0]
        seen = torch.cholesky_solve((self.gradients @ vector)[:, None], self.factor)[:, 0]
        return (vector - self.gradients.T @ seen) / self.damp


def _identity(size: int, like: torch.Tensor) -> torch.Tensor:
    return torch.eye(size, dtype=like.dtype, device=like.device)


def batch_means(slopes: torch.Tensor, batch: int) -> torch.Tensor:
    """Return the means over consecutive samples, as rows (batches, weights); a last batch may be smaller.

    In evaluation mode they are the gradients of the mini-batches' mean losses.

    >>> batch_means(torch.tensor([[1.0, 2.0], [3.0, 0.0], [5.0, 7.0]]), 2).tolist()
    [[2.0, 1.0], [5.0, 7.0]]
    """
    return torch.stack([each.mean(0).flatten() for each in torch.split(slopes.double(), batch)])


def slices(size: int, block: int) -> Iterator[slice]:
    """Yield consecutive blocks of a flat tensor; the last may be smaller.

    >>> list(slices(5, 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    for start in range(0, size, block):
        yield slice(start, min(start + block, size))


def check_options(criterion: str, damp: float, block: int, batch: int) -> None:
    """Check what every criterion over such blocks is given.

    Raises:
        BadConfig: a damping that is not above 0, or a block or mini-batch below 1.
    """
    if not damp > 0.0 or block < 1 or batch < 1:
        raise BadConfig(
            f"{criterion} got the damping {damp}, blocks of {block} weights and mini-batches of {batch} samples; a "
            "number above 0 and two whole numbers from 1 were expected."
        )
