"""SparseGPT as a criterion: scores by column, and survivors to the right that make up for what goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from pruneproof.api import BadConfig, BadTensor, Criterion, Probe, Scored, Source, Tensors

if TYPE_CHECKING:  # the registry reads the criterion without torch
    import torch

COLUMNS = 128
"""Columns after which those to come are brought up to date; the answer depends on it by rounding alone."""


def columnwise(weights: Tensors, probe: Probe, *, dampening: float = 0.01) -> Scored:
    """Return w_ij² / R_jj², and what SparseGPT makes of the survivors.

    Frantar, Alistarh (2023), arXiv 2301.00774, algorithm 1. H = G + λI, G the second moments of a layer's inputs and λ
    a fraction of their mean; R is the upper triangular factor of H⁻¹ = RᵀR, so that R_jj² is the j-th diagonal entry of
    the inverse of H restricted to the columns from j on. The score is what the squared output of the layer changes by,
    in the mean over samples, if the weight goes and the columns to its right make up for it. The update does so for
    the mask that was chosen, column by column from the left; columns to the left of a pruned weight stay. Groups of a
    convolution have a G each, and its columns are the entries of a kernel, channel by channel.

    Deviations: the paper chooses slice by slice of 128 columns, by the weights as they then are, and layer by layer,
    under the pruned layers before; a criterion scores all weights of the network as they are. `prune_transformer`
    follows the paper in both. Also: all in float64; features that were always zero keep their dampened H_jj = λ.

    >>> import torch
    >>> class Layer:
    ...     def layer_gram(self):
    ...         return {"w": torch.tensor([[[2.0, 1.0], [1.0, 2.0]]])}
    >>> found = columnwise({"w": torch.tensor([[1.0, 1.0]])}, Layer(), dampening=0.0)
    >>> [[round(score, 6) for score in row] for row in found.scores["w"].tolist()]
    [[1.5, 2.0]]
    >>> found.update({"w": torch.tensor([[False, True]])})["w"].tolist()
    [[0.0, 1.5]]

    Args:
        weights: W, name -> weight of a linear layer or convolution, dead weights zero.
        probe: gives G of each layer, in evaluation mode.
        dampening: λ as a fraction of the mean diagonal of G, at least 0.

    Returns:
        Scores of the weights' shapes, float64, in [0, ∞); and the update.

    Raises:
        BadConfig: a negative dampening, no scoring samples, or a weight that belongs to no linear layer or convolution.
        BadTensor: a Hessian that has no inverse.
    """
    from pruneproof_wanda.solver import inverse_factor

    if not dampening >= 0.0:
        raise BadConfig(f"dampening {dampening} is out of range: a fraction of at least 0 was expected.")
    factors, scores = {}, {}
    for name, grams in probe.layer_gram().items():
        try:
            factors[name] = [inverse_factor(gram, dampening) for gram in grams]
        except BadTensor as problem:
            raise BadTensor(f'"{name}": {problem}') from problem
        scores[name] = _by_group(_saliency, factors[name], weights[name])
    return Scored(scores, partial(_compensated, weights, factors))


def _compensated(
    weights: Tensors, factors: Mapping[str, list[torch.Tensor]], alive: Tensors
) -> dict[str, torch.Tensor]:
    """Return the weights as SparseGPT leaves them under a mask."""
    return {name: _by_group(_swept, factors[name], weights[name], mask) for name, mask in alive.items()}


def _saliency(factor: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return (rows.double() / factor.diagonal()).square()


def _swept(factor: torch.Tensor, rows: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    from pruneproof_wanda.solver import sweep

    return sweep(rows, factor, lambda scores, start: kept[:, start : start + scores.shape[1]], COLUMNS, COLUMNS)[0]


def _by_group(
    function: Callable[..., torch.Tensor], factors: list[torch.Tensor], *tensors: torch.Tensor
) -> torch.Tensor:
    """Apply a function to each group's factor and (outputs, inputs) matrices of weights; return the weights' shape."""
    import torch

    groups = [each.reshape(len(factors), -1, len(factors[0])) for each in tensors]
    parts = [function(*each) for each in zip(factors, *groups, strict=True)]
    return torch.stack(parts).reshape(tensors[0].shape)


SPARSEGPT = Criterion(
    id="sparsegpt",
    score=columnwise,
    source=Source(
        authors="Frantar, Alistarh",
        year=2023,
        title="SparseGPT: Massive Language Models Can Be Accurately Pruned in One-Shot",
        arxiv="2301.00774",
        equation="algorithm 1",
    ),
    updates_survivors=True,
    laws=frozenset(
        {
            "batch-order-invariant",
            "homogeneous-2",
            "label-free",
            "nonnegative",
            "sign-invariant",
            "zero-for-zero-weight",
        }
    ),
    expected_failures={
        "hidden-units-equivariant": "columns are pruned from left to right, so the order of a layer's inputs counts"
    },
)
