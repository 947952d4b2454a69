"""CHITA's solver for large networks: the largest weights stay, and take the values of a ridge regression."""

import math
from functools import partial

import torch

from pruneproof.api import Criterion, Probe, Scored, Source, Tensors
from pruneproof_zoo.fisher import batch_means, check_options, slices


def chita_block(
    weights: Tensors, probe: Probe, *, damp: float = 1e-4, block: int = 500, mini_batch: int = 16
) -> Scored:
    """Return |θ|, and survivors that keep what the gradients see of the loss.

    Benbaki, Chen, Meng, Hazimeh, Ponomareva, Zhao, Mazumder (2023), arXiv 2302.14623, `Heuristic_LSBlock` of the
    authors' code. With X the gradients of n mini-batches as rows and θ the weights before, a block of a tensor takes

        argmin_β ½ ‖Xθ - Xβ‖² + μ ‖β - θ‖²,   β zero where the mask is,   μ = n λ / 2,

    that is, with A the alive and D the pruned weights of the block, β_A = θ_A + (X_AᵀX_A + nλI)⁻¹ X_Aᵀ X_D θ_D. The
    objective is n/2 times the quadratic model of WoodFisher without a gradient: λ is `woodfisher`'s damping, and β the
    joint update for this Fisher matrix, where WoodFisher adds up single ones.

    The mask is that of magnitude; the update alone knows of the loss. The authors' other solvers, which search for the
    mask as well (iterative hard thresholding on an active set), are not here. Neither is their first-order term α, with
    which the mask is searched for first. Several stages, each with new gradients of the pruned network, are a schedule:
    `chita-poly`, `chita-exp`, `chita-mfac`.

    Deviations: in float64, where the authors' block solver is in float32; blocks are of `block` weights with a smaller
    last one, theirs of nearly equal sizes; weights that are dead stay dead, while theirs may come back.

    >>> class Given:
    ...     def sample_gradients(self, **_):
    ...         return {"w": torch.tensor([[1.0, 1.0, 0.0]])}
    >>> found = chita_block({"w": torch.tensor([3.0, 1.0, 2.0])}, Given(), damp=1.0)
    >>> found.scores["w"].tolist()
    [3.0, 1.0, 2.0]
    >>> [round(each, 4) for each in found.update({"w": torch.tensor([True, False, True])})["w"].tolist()]
    [3.5, 0.0, 2.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives the gradient of each sample, in the order of the scoring samples.
        damp: λ > 0, `l2` of the authors' scripts; 1e-4 for ResNet-20.
        block: weights of a block, >= 1; 500 for ResNet-20.
        mini_batch: samples behind one gradient, >= 1; a last mini-batch may be smaller. 16 for ResNet-20, with n = 500.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞); and the update.

    Raises:
        BadConfig: an option out of range, or no scoring samples.
    """
    check_options("chita-block", damp, block, mini_batch)
    slopes = {name: batch_means(each, mini_batch) for name, each in probe.sample_gradients(double=True).items()}
    scores = {name: weight.abs() for name, weight in weights.items()}
    return Scored(scores, partial(_regression, weights, slopes, damp, block))


def _regression(weights: Tensors, slopes: Tensors, damp: float, block: int, alive: Tensors) -> dict[str, torch.Tensor]:
    moved = {}
    for name, mask in alive.items():
        theta, flags = weights[name].double().flatten(), mask.flatten()
        parts = [_ridge(slopes[name][:, part], theta[part], flags[part], damp) for part in slices(len(theta), block)]
        moved[name] = torch.cat(parts).reshape(mask.shape).to(weights[name].dtype)
    return moved


def _ridge(rows: torch.Tensor, theta: torch.Tensor, alive: torch.Tensor, damp: float) -> torch.Tensor:
    """Return β of one block, as least squares over the rows of X_A on top of those of √(nλ) I."""
    found = torch.where(alive, theta, 0.0)
    own = rows[:, alive]
    if not own.shape[1] or alive.all():
        return found
    leash = math.sqrt(len(rows) * damp) * torch.eye(own.shape[1], dtype=own.dtype, device=own.device)
    lost = torch.cat([rows[:, ~alive] @ theta[~alive], own.new_zeros(own.shape[1])])
    found[alive] += torch.linalg.lstsq(torch.cat([own, leash]), lost[:, None]).solution[:, 0]
    return found


CHITA_BLOCK = Criterion(
    id="chita-block",
    score=chita_block,
    source=Source(
        authors="Benbaki, Chen, Meng, Hazimeh, Ponomareva, Zhao, Mazumder",
        year=2023,
        title="Fast as CHITA: Neural Network Pruning with Combinatorial Optimization",
        arxiv="2302.14623",
        equation="code: L0_card_const.py, Heuristic_LSBlock",
    ),
    updates_survivors=True,
    laws=frozenset({"homogeneous-1", "nonnegative", "sign-invariant", "zero-for-zero-weight"}),
)
