"""WoodFisher and WoodTaylor: Optimal Brain Surgeon on blocks of the empirical Fisher matrix."""

from collections.abc import Mapping
from functools import partial

import torch

from pruneproof.api import Criterion, Probe, Scored, Source, Tensors
from pruneproof_zoo.fisher import Inverse, batch_means, check_options, slices

Inverses = Mapping[str, list[Inverse]]


def woodfisher(weights: Tensors, probe: Probe, *, damp: float = 1e-5, block: int = 2000, mini_batch: int = 1) -> Scored:
    """Return θ_q² / [F⁻¹]_qq, and the survivors after the sum of the single updates.

    Singh, Alistarh (2020), arXiv 2004.14340, WoodFisher. F = λI + 1/n Σ_i g_i g_iᵀ within blocks of consecutive weights
    of a tensor and zero between blocks; g_i is the gradient of the mean loss of mini-batch i, with its true labels, in
    evaluation mode and under the mask. F⁻¹ is computed at once, by Cholesky's factorisation or Woodbury's identity; the
    authors add one gradient after the other by Sherman and Morrison's, which gives the same.

    The update for the pruned weights Q is δ = -F⁻¹ Σ_{q in Q} e_q θ_q / [F⁻¹]_qq, after which Q is zeroed: each pruned
    weight is made up for as if it were the only one. With more than one in a block that is not the joint update of
    least loss (`chita-block`).

    The factor ½ is left out, as in the authors' code. Deviations: their 1e-10, added to [F⁻¹]_qq and to the score, is
    not here, nor are labels that are drawn from the network's own predictions (`--true-fisher`). Which weights compete
    is the selection's business, and may decide more than the criterion: in the authors' figures WoodFisher is cut
    jointly, its baseline "diagFisher" per layer.

    >>> class Given:  # diag F⁻¹ = (11, 8, 4) / 7
    ...     def sample_gradients(self, **_):
    ...         return {"w": torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]])}
    >>> found = woodfisher({"w": torch.tensor([11.0, 4.0, 2.0])}, Given(), damp=0.5)
    >>> [round(each, 4) for each in found.scores["w"].tolist()]
    [77.0, 14.0, 7.0]
    >>> [round(each, 4) for each in found.update({"w": torch.tensor([True, True, False])})["w"].tolist()]
    [13.0, 5.0, 0.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives the gradient of each sample, in the order of the scoring samples.
        damp: λ > 0; 1e-5 in all of the authors' scripts, 1e-3 where none is given.
        block: weights of a block, >= 1; 2000 for ResNet-50.
        mini_batch: samples behind one gradient, >= 1; a last mini-batch may be smaller. 400 for ResNet-50.

    Returns:
        Scores of the weights' shapes, float64, in [0, ∞); and the update.

    Raises:
        BadConfig: an option out of range, or no scoring samples.
    """
    inverses = _inverses("woodfisher", probe, damp, block, mini_batch)
    scores = {}
    for name, weight in weights.items():
        diagonal = torch.cat([each.diagonal for each in inverses[name]])
        scores[name] = (weight.double().flatten().square() / diagonal).reshape(weight.shape)
    return Scored(scores, partial(_surgery, weights, inverses))


def woodtaylor(weights: Tensors, probe: Probe, *, damp: float = 1e-5, block: int = 2000, mini_batch: int = 1) -> Scored:
    """Return (θ_q - u_q)² / (2 [F⁻¹]_qq) above the tensor's least, u = F⁻¹g, and the survivors moved towards θ - u.

    Singh, Alistarh (2020), arXiv 2004.14340, WoodTaylor: as `woodfisher`, without taking the gradient g (the mean of
    the mini-batches' gradients) to be zero. Removing q and letting its block follow changes the quadratic model of the
    loss by

        ½ θ_q²/d + ½ u_q²/d - θ_q u_q/d - ½ gᵀF⁻¹g,   d = [F⁻¹]_qq,

    of which the last term is the same within a block and left out. As in the authors' code the least score of each
    tensor is subtracted, so that between tensors distances from their tensor's least are compared.

    The update is δ = -F⁻¹ Σ_{q in Q} e_q (θ_q - u_q) / [F⁻¹]_qq - u for the pruned weights Q, a Newton step for the
    others included; Q is zeroed afterwards.

    Deviations: those of `woodfisher`; and `--normalize-update`, which shortens updates longer than the weights, is not
    here.

    >>> class Given:  # F = 1 + 1, g = 1: one weight, whose Newton step is 1/2
    ...     def sample_gradients(self, **_):
    ...         return {"w": torch.tensor([[1.0, 0.0]])}
    >>> found = woodtaylor({"w": torch.tensor([2.0, 1.0])}, Given(), damp=1.0)
    >>> [round(each, 4) for each in found.scores["w"].tolist()]
    [1.75, 0.0]
    >>> [round(each, 4) for each in found.update({"w": torch.tensor([True, False])})["w"].tolist()]
    [1.5, 0.0]

    Args:
        weights: as `woodfisher`.
        probe: as `woodfisher`.
        damp: as `woodfisher`.
        block: as `woodfisher`.
        mini_batch: as `woodfisher`.

    Returns:
        Scores of the weights' shapes, float64, in [0, ∞); and the update.

    Raises:
        BadConfig: an option out of range, or no scoring samples.
    """
    inverses = _inverses("woodtaylor", probe, damp, block, mini_batch)
    newton = {name: torch.cat([each.times(each.gradients.mean(0)) for each in own]) for name, own in inverses.items()}
    scores = {}
    for name, weight in weights.items():
        diagonal = torch.cat([each.diagonal for each in inverses[name]])
        rise = (weight.double().flatten() - newton[name]).square() / (2 * diagonal)
        scores[name] = (rise - rise.min()).reshape(weight.shape)
    return Scored(scores, partial(_surgery, weights, inverses, newton=newton))


def _inverses(criterion: str, probe: Probe, damp: float, block: int, batch: int) -> dict[str, list[Inverse]]:
    check_options(criterion, damp, block, batch)
    found = {}
    for name, slopes in probe.sample_gradients(double=True).items():
        rows = batch_means(slopes, batch)
        found[name] = [Inverse.of(rows[:, part], damp) for part in slices(rows.shape[1], block)]
    return found


def _surgery(
    weights: Tensors, inverses: Inverses, alive: Tensors, *, newton: Tensors | None = None
) -> dict[str, torch.Tensor]:
    """Return θ - u - F⁻¹ Σ_q e_q (θ_q - u_q) / [F⁻¹]_qq under a mask, u = 0 where there is no Newton step."""
    moved = {}
    for name, mask in alive.items():
        theta = weights[name].double().flatten()
        target = theta if newton is None else theta - newton[name]
        pruned = torch.where(mask.flatten(), 0.0, target)
        sizes = [len(each.diagonal) for each in inverses[name]]
        parts = zip(torch.split(pruned, sizes), inverses[name], strict=True)
        pull = torch.cat([inverse.times(part / inverse.diagonal) for part, inverse in parts])
        moved[name] = torch.where(mask.flatten(), target - pull, 0.0).reshape(mask.shape).to(weights[name].dtype)
    return moved


def _source(method: str) -> Source:
    return Source(
        authors="Singh, Alistarh",
        year=2020,
        title="WoodFisher: Efficient Second-Order Approximation for Neural Network Compression",
        arxiv="2004.14340",
        equation=f"{method}; code: woodfisherblock.py, woodtaylorblock.py",
    )


WOODFISHER = Criterion(
    id="woodfisher",
    score=woodfisher,
    source=_source("WoodFisher"),
    updates_survivors=True,
    laws=frozenset({"batch-order-invariant", "homogeneous-2", "nonnegative", "sign-invariant", "zero-for-zero-weight"}),
)
WOODTAYLOR = Criterion(
    id="woodtaylor",
    score=woodtaylor,
    source=_source("WoodTaylor"),
    updates_survivors=True,
    laws=frozenset({"batch-order-invariant", "nonnegative"}),
)
