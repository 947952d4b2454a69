"""Optimal Brain Compression: per output, remove what costs least, let the others make up for it, and go on."""

from collections.abc import Iterator
from functools import partial

import torch

from pruneproof.api import BadConfig, BadTensor, Criterion, Probe, Scored, Source, Tensors

NUMBERS = 2**23
"""How many entries of inverses are held at a time (64 MiB)."""


def obc(weights: Tensors, alive: Tensors, probe: Probe, *, damping: float = 0.01) -> Scored:
    """Return what each weight costs in the exact greedy order of its output's removals, and the survivors after it.

    Frantar, Alistarh (2022), arXiv 2208.11580, ExactOBS. The loss is the squared change of the layer's outputs, whose
    Hessian H = 2 G is the same for each output (row) of the layer; see the criterion `obs`. In each row, with w its
    weights, again and again

        q = argmin w_q² / [H⁻¹]_qq,   w -= H⁻¹e_q w_q / [H⁻¹]_qq,   H⁻¹ -= H⁻¹e_q e_qᵀH⁻¹ / [H⁻¹]_qq,

    at a cost of ½ w_q² / [H⁻¹]_qq. The authors sort the costs of all rows of a layer, and let each row make as many
    removals as it has costs among the cheapest. The score of the k-th weight that a row removes is therefore its k-th
    smallest cost: a selection of single weights within tensors removes what they remove.

    `obs` scores all weights at once and is the first step of this order. The update is the same for both: the values
    of least loss under the mask that was chosen, at which the greedy order ends too.

    Deviations: H is damped by a fraction of its mean diagonal (the authors add nothing, and the identity where H has no
    inverse). Which scope competes is the selection's business; the authors' is the layer. Their caps for N:M are not
    here: choosing the best N of a group by these scores is another order of removals.

    Work: as many steps as a row has weights d, each in d², for every row; H⁻¹ per row in chunks of 64 MiB.

    >>> class Layer:  # H = ((1, .9, 0), (.9, 1, 0), (0, 0, 1)): the first two make up for each other
    ...     def layer_gram(self):
    ...         return {"w": torch.tensor([[[0.5, 0.45, 0.0], [0.45, 0.5, 0.0], [0.0, 0.0, 0.5]]])}
    >>> weights = {"w": torch.tensor([[1.0, 1.2, 0.8]])}
    >>> found = obc(weights, {"w": weights["w"] != 0}, Layer(), damping=0.0)
    >>> [round(each, 4) for each in found.scores["w"][0].tolist()]
    [0.095, 2.205, 0.32]
    >>> [round(each, 4) for each in found.update({"w": torch.tensor([[False, True, True]])})["w"][0].tolist()]
    [0.0, 2.1, 0.8]

    Args:
        weights: name -> weight of a linear layer or convolution, dead weights zero.
        alive: the mask so far.
        probe: gives G of each layer, in evaluation mode.
        damping: fraction of the mean diagonal of H that is added to it, at least 0. Record it.

    Returns:
        Scores of the weights' shapes, float64, in [0, ∞), 0 for dead weights; and the update.

    Raises:
        BadConfig: a negative damping, no scoring samples, or a weight that belongs to no linear layer or convolution.
        BadTensor: a Hessian that has no inverse.
    """
    if not damping >= 0.0:
        raise BadConfig(f"the damping of obc is {damping}; a fraction of at least 0 was expected.")
    hessians = {name: _damped(name, 2 * gram.double(), damping) for name, gram in probe.layer_gram().items()}
    return Scored(
        {name: _costs(weight, alive[name], hessians[name]) for name, weight in weights.items()},
        partial(_least_squares, weights, hessians),
    )


def removals(theta: torch.Tensor, alive: torch.Tensor, hessian: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return when each weight is removed from its row, and what each removal of a row costs.

    >>> hessian = torch.tensor([[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]], dtype=torch.float64)
    >>> theta = torch.tensor([[3.0, -1.0, 2.0]], dtype=torch.float64)
    >>> steps, costs = removals(theta, theta != 0, hessian)
    >>> steps.tolist(), [round(each, 4) for each in costs[0].tolist()]
    ([[2, 0, 1]], [0.5, 2.25, 6.25])

    Args:
        theta: (rows, d), float64.
        alive: (rows, d); what is dead counts as zero and is never removed.
        hessian: (d, d), positive definite.

    Returns:
        The step of each weight, from 0, -1 where it is dead; and the cost of each step, infinite where nothing is left.
        Both (rows, d).
    """
    theta, left = torch.where(alive, theta, 0.0), alive.clone()
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(_among(alive, hessian)))
    steps = torch.full_like(theta, -1, dtype=torch.int64)
    costs = torch.full_like(theta, torch.inf)
    every = torch.arange(len(theta), device=theta.device)
    for step in range(theta.shape[1]):
        diagonal = inverse.diagonal(dim1=1, dim2=2)
        price, chosen = torch.where(left, theta.square() / (2 * diagonal), torch.inf).min(1)
        going = left.any(1)
        if not going.any():
            break
        rows = every[going]
        steps[rows, chosen[rows]], costs[rows, step] = step, price[rows]
        left[rows, chosen[rows]] = False
        column = torch.where(going[:, None], inverse[every, :, chosen], 0.0)
        share = column / diagonal[every, chosen, None]
        theta -= share * theta[every, chosen, None]
        theta[rows, chosen[rows]] = 0.0  # what rounding has left
        inverse.baddbmm_(column[:, :, None], -share[:, None, :])
        inverse[rows, chosen[rows], chosen[rows]] = 1.0  # gone for good; a divisor for those that are not looked at
    return steps, costs


def _costs(weight: torch.Tensor, alive: torch.Tensor, hessian: torch.Tensor) -> torch.Tensor:
    """Return the k-th smallest cost of its row at the k-th weight that the row removes."""
    found = torch.zeros(weight.shape, dtype=torch.float64, device=weight.device)
    for scores, theta, mask, own in _by_rows(found, weight.double(), alive, hessian=hessian):
        steps, costs = removals(theta, mask, own)
        scores.copy_(torch.where(steps >= 0, costs.sort(1).values.gather(1, steps.clamp_min(0)), 0.0))
    return found


def _least_squares(weights: Tensors, hessians: Tensors, alive: Tensors) -> dict[str, torch.Tensor]:
    """Return the weights that lose least under a mask."""
    return {name: _least_loss(weights[name], mask, hessians[name]) for name, mask in alive.items()}


def _least_loss(weight: torch.Tensor, alive: torch.Tensor, hessian: torch.Tensor) -> torch.Tensor:
    """Return w_A + H_AA⁻¹ H_AD w_D at the alive weights A of each row, D the dead ones."""
    found = torch.zeros(weight.shape, dtype=torch.float64, device=weight.device)
    for moved, theta, mask, own in _by_rows(found, weight.double(), alive, hessian=hessian):
        pull = torch.where(mask, torch.where(mask, 0.0, theta) @ own, 0.0)
        factor = torch.linalg.cholesky(_among(mask, own))
        moved.copy_(torch.where(mask, theta + torch.cholesky_solve(pull[:, :, None], factor)[:, :, 0], 0.0))
    return found.to(weight.dtype)


def _by_rows(*tensors: torch.Tensor, hessian: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield chunks of rows of all tensors, as views (rows, d), and the Hessian (d, d) of their group."""
    size = hessian.shape[-1]
    groups = [each.reshape(len(hessian), -1, size) for each in tensors]
    for group, own in enumerate(hessian):
        for parts in zip(*(torch.split(each[group], max(1, NUMBERS // size**2)) for each in groups), strict=True):
            yield *parts, own


def _among(alive: torch.Tensor, hessian: torch.Tensor) -> torch.Tensor:
    """Return each row's Hessian with rows and columns of dead weights replaced by those of the identity."""
    found = torch.where(alive[:, :, None] & alive[:, None, :], hessian, 0.0)
    return found + torch.diag_embed((~alive).to(found.dtype))


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


OBC = Criterion(
    id="obc",
    score=obc,
    source=Source(
        authors="Frantar, Alistarh",
        year=2022,
        title="Optimal Brain Compression: A Framework for Accurate Post-Training Quantization and Pruning",
        arxiv="2208.11580",
        equation="ExactOBS, algorithm 1; code: trueobs.py",
    ),
    updates_survivors=True,
    laws=frozenset({"batch-order-invariant", "homogeneous-2", "label-free", "nonnegative", "zero-for-zero-weight"}),
)
