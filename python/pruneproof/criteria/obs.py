"""Optimal Brain Surgeon, layer by layer: prune what the layer's other weights can make up for, and let them."""

from collections.abc import Iterator
from functools import partial

import torch

from pruneproof.api import BadConfig, BadTensor, Criterion, Probe, Scored, Source, Tensors


def obs(weights: Tensors, alive: Tensors, probe: Probe, *, damping: float = 0.01) -> Scored:
    """Return θ_q² / (2 [H⁻¹]_qq), and the survivors that make up best for what is pruned.

    Hassibi, Stork (1993): a loss of Hessian H whose gradient is zero rises by the score when θ_q is set to zero and the
    other weights follow. Here the loss is the one that layer-wise methods take (Dong, Chen, Pan (2017), arXiv
    1705.07565; Frantar, Alistarh (2022), arXiv 2208.11580): the squared change of the layer's outputs, summed over
    places, in the mean over samples. Its gradient is zero at the network's own weights, converged or not. Each output
    of the layer has its own row of weights θ, and all rows have the same H = 2 G, G the second moments of the layer's
    inputs; no loss couples two rows. With weights that are dead already, H is that of the row's alive weights.

    The update is the exact joint one: when the mask is chosen, each row takes the values that minimise ½ δᵀ H δ among
    all that are zero where the mask is. With A the alive and D the dead weights of a row,

        δ_D = -θ_D,   δ_A = H_AA⁻¹ H_AD θ_D,   so that (H δ)_A = 0.

    This is neither the sum of the updates for one weight each (WoodFisher) nor a greedy order of removals with its own
    choice (OBC); a greedy order ends at the same values where it ends at the same mask.

    H is damped by `damping` times the mean of its diagonal, which ends up in the scores: record it. Inputs that are
    zero throughout leave H = 1. H ∝ 1 gives the ranking of magnitude and no update; a diagonal H gives that of Optimal
    Brain Damage and no update.

    Work: one inverse of a d x d matrix per layer of d inputs where all is alive; otherwise one per row, as for the
    update, which solves for the alive weights of each row.

    >>> class Layer:  # H = ((2, 1, 0), (1, 2, 1), (0, 1, 2))
    ...     def layer_gram(self):
    ...         return {"w": torch.tensor([[[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]])}
    >>> weights = {"w": torch.tensor([[3.0, -1.0, 2.0]])}
    >>> found = obs(weights, {"w": weights["w"] != 0}, Layer(), damping=0.0)
    >>> [round(each, 4) for each in found.scores["w"][0].tolist()]
    [6.0, 0.5, 2.6667]
    >>> found.update({"w": torch.tensor([[True, False, True]])})["w"].tolist()
    [[2.5, 0.0, 1.5]]

    Args:
        weights: θ, name -> weight of a linear layer or convolution, dead weights zero.
        alive: the mask so far.
        probe: gives G of each layer, in evaluation mode.
        damping: fraction of the mean diagonal of H that is added to it, at least 0.

    Returns:
        Scores of the weights' shapes, float64, in [0, ∞), 0 for dead weights; and the update.

    Raises:
        BadConfig: a negative damping, no scoring samples, or a weight that belongs to no linear layer or convolution.
        BadTensor: a Hessian that has no inverse.
    """
    if not damping >= 0.0:
        raise BadConfig(f"the damping of obs is {damping}; a fraction of at least 0 was expected.")
    hessians = {name: _damped(name, 2 * gram.double(), damping) for name, gram in probe.layer_gram().items()}
    scores = {name: _saliency(weight, alive[name], hessians[name]) for name, weight in weights.items()}
    return Scored(scores, partial(_least_squares, weights, hessians))


def _damped(name: str, hessian: torch.Tensor, damping: float) -> torch.Tensor:
    """Return the damped Hessian of each group, after looking whether it can be inverted."""
    diagonal = hessian.diagonal(dim1=1, dim2=2)
    mean = diagonal.mean(dim=1, keepdim=True)
    hessian = hessian + torch.diag_embed(torch.where(mean > 0, damping * mean, 1.0).expand_as(diagonal))
    if bool(torch.linalg.cholesky_ex(hessian).info.any()):
        raise BadTensor(
            f'the Hessian of "{name}" has no inverse at damping {damping}. Raise the damping, or score on more samples.'
        )
    return hessian


def _saliency(weight: torch.Tensor, alive: torch.Tensor, hessian: torch.Tensor) -> torch.Tensor:
    """Return θ_q² / (2 [H_AA⁻¹]_qq) for each alive weight of each row."""
    theta = _rows(weight.double(), hessian)
    scores = torch.zeros_like(theta)
    for group, rows, there in _patterns(_rows(alive, hessian)):
        if len(there):
            own = hessian[group][there[:, None], there]
            inverse = torch.cholesky_inverse(torch.linalg.cholesky(own)).diagonal()
            scores[group, rows, there] = theta[group, rows, there].square() / (2 * inverse)
    return scores.reshape(weight.shape)


def _least_squares(weights: Tensors, hessians: Tensors, alive: Tensors) -> dict[str, torch.Tensor]:
    """Return the weights that lose least under a mask."""
    return {name: _least_loss(weights[name], hessians[name], mask) for name, mask in alive.items()}


def _least_loss(weight: torch.Tensor, hessian: torch.Tensor, alive: torch.Tensor) -> torch.Tensor:
    theta = _rows(weight.double(), hessian)
    mask = _rows(alive, hessian)
    found = torch.where(mask, theta, 0.0)
    for group, rows, there in _patterns(mask):
        gone = (~mask[group, rows[0, 0]]).nonzero()[:, 0]
        if len(there) and len(gone):
            pull = hessian[group][there[:, None], gone] @ theta[group, rows, gone].T
            factor = torch.linalg.cholesky(hessian[group][there[:, None], there])
            found[group, rows, there] += torch.cholesky_solve(pull, factor).T
    return found.reshape(weight.shape).to(weight.dtype)


def _rows(tensor: torch.Tensor, hessian: torch.Tensor) -> torch.Tensor:
    """Return a weight as (groups, outputs of a group, inputs)."""
    return tensor.reshape(len(hessian), -1, hessian.shape[-1])


def _patterns(mask: torch.Tensor) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """Yield group, rows and alive inputs, for rows that have the same inputs alive; rows as a column of indices."""
    for group, rows in enumerate(mask):
        patterns, which = rows.unique(dim=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            yield group, (which == number).nonzero(), pattern.nonzero()[:, 0]


OBS = Criterion(
    id="obs",
    score=obs,
    source=Source(
        authors="Hassibi, Stork",
        year=1993,
        title="Second Order Derivatives for Network Pruning: Optimal Brain Surgeon",
        equation="θ_q² / (2 [H⁻¹]_qq), layer by layer",
    ),
    updates_survivors=True,
    laws=frozenset(
        {
            "batch-order-invariant",
            "homogeneous-2",
            "label-free",
            "loss-scale-invariant",
            "nonnegative",
            "sign-invariant",
            "zero-for-zero-weight",
        }
    ),
)
