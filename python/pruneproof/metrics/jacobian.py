"""Singular values of the Jacobian of logits by inputs: how far a network is from dynamical isometry.

From "Dynamical Isometry: The Missing Ingredient for Neural Network Pruning" (arXiv 2105.05916) and TPP (arXiv
2207.12534); arXiv 2301.05219, by the same authors, has none of it.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.func import functional_call

from pruneproof.api import LoadedData, Metric, Source

ISOMETRY = Source(
    authors="Wang, Qin, Bai, Fu",
    year=2021,
    title="Dynamical Isometry: The Missing Ingredient for Neural Network Pruning",
    arxiv="2105.05916",
    equation="JSV; as computed in the code of arXiv 2207.12534",
)


def singular_values(
    network: nn.Module, data: LoadedData, *, batches: int = 10, batch: int = 100, double: bool = True
) -> torch.Tensor:
    """Return the singular values of J_n = ∂z_n/∂x_n for each sample n, (samples, min(C, D)), falling.

    z_n are the C logits, before any softmax, and x_n the D numbers of an input as the network gets it (normalised, not
    augmented). Row c of all J_n is one backward pass of Σ_n z_nc, which is right where samples do not interact: the
    network is in evaluation mode. The samples are the first `batches` · `batch` of the training set in stored order, so
    that all networks are seen on the same ones; fewer where there are no more.

    Deviations from the code of arXiv 2207.12534: float64 (float32 there, here with `double = False`, whose smallest
    values are noise where J is nearly rank-deficient), the first batches of a shuffled loader there, and evaluation
    mode (there the mode that the network is in).

    >>> network = nn.Linear(3, 2)
    >>> _ = network.weight.data.copy_(torch.tensor([[0.0, 3.0, 4.0], [2.0, 0.0, 0.0]]))
    >>> jacobians(network, torch.zeros(1, 3)).tolist()
    [[[0.0, 3.0, 4.0], [2.0, 0.0, 0.0]]]
    """
    tensors = {name: each.detach() for name, each in [*network.named_parameters(), *network.named_buffers()]}
    if double:
        tensors = {name: each.double() if each.is_floating_point() else each for name, each in tensors.items()}
    found = []
    for place, (inputs, _) in enumerate(data.batches("train", batch)):
        if place == batches:
            break
        slopes = jacobians(network, inputs.double() if double else inputs, tensors)
        finite = slopes.isfinite().all(2).all(1)
        values = slopes.new_full((len(slopes), min(slopes.shape[1:])), torch.nan)
        values[finite] = torch.linalg.svdvals(slopes[finite])
        found.append(values)
    return torch.cat(found).cpu()


def jacobians(
    network: nn.Module, inputs: torch.Tensor, tensors: Mapping[str, torch.Tensor] | None = None
) -> torch.Tensor:
    """Return ∂z_n/∂x_n of each input, (samples, C, D), with the network's tensors or those given in their place."""
    leaf = inputs.detach().clone().requires_grad_()
    with torch.enable_grad():
        logits = functional_call(network, dict(tensors or {}), (leaf,))
        rows = [
            torch.autograd.grad(column.sum(), leaf, retain_graph=True, materialize_grads=True, allow_unused=True)[0]
            for column in logits.unbind(1)
        ]
    return torch.stack([each.flatten(1) for each in rows], 1)


def mean_jsv(
    network: nn.Module, data: LoadedData, *, batches: int = 10, batch: int = 100, double: bool = True
) -> float | None:
    """Return the mean over samples and singular values; None where a derivative is no number.

    1 throughout is dynamical isometry. The largest values dominate it, and it grows with the scale of the last layer,
    which changes no prediction: it does not compare architectures, losses or normalisations of inputs.
    """
    values = singular_values(network, data, batches=batches, batch=batch, double=double)
    return float(values.mean()) if values.isfinite().all() else None


def jsv_spread(
    network: nn.Module, data: LoadedData, *, batches: int = 10, batch: int = 100, double: bool = True
) -> float | None:
    """Return the (population) standard deviation over samples and singular values; None as for `mean_jsv`."""
    values = singular_values(network, data, batches=batches, batch=batch, double=double)
    return float(values.std(correction=0)) if values.isfinite().all() else None


def jsv_max(
    network: nn.Module, data: LoadedData, *, batches: int = 10, batch: int = 100, double: bool = True
) -> float | None:
    """Return the largest singular value of all samples; None as for `mean_jsv`."""
    values = singular_values(network, data, batches=batches, batch=batch, double=double)
    return float(values.max()) if values.isfinite().all() else None


def jsv_condition(
    network: nn.Module, data: LoadedData, *, batches: int = 10, batch: int = 100, double: bool = True
) -> float | None:
    """Return the mean over samples of the largest singular value over the smallest.

    None where a derivative is no number, or where the Jacobian of a sample is rank-deficient: its smallest value below
    max(C, D) · ε · the largest, ε that of the dtype, is a rounded zero (there the code of arXiv 2207.12534 reports
    infinity, NaN, or noise).
    """
    values = singular_values(network, data, batches=batches, batch=batch, double=double)
    largest, smallest = values[:, 0], values[:, -1]
    size = max(data.classes, torch.Size(data.shape).numel())
    full = smallest > size * torch.finfo(values.dtype).eps * largest
    return float((largest / smallest).mean()) if bool(full.all()) else None


def mean_jsvs(history: Mapping[str, Any]) -> list[float] | None:
    """Return `mean-jsv` at each epoch, which must have been watched."""
    found = history.get("watched", {}).get("mean-jsv", [])
    return None if not found or None in found else list(found)


METRICS: tuple[Metric, ...] = (
    Metric("mean-jsv", mean_jsv, "Mean singular value of the Jacobian of logits by inputs.", source=ISOMETRY),
    Metric("jsv-spread", jsv_spread, "Standard deviation of the Jacobian's singular values.", source=ISOMETRY),
    Metric("jsv-max", jsv_max, "Largest singular value of the Jacobian over all samples.", source=ISOMETRY),
    Metric(
        "jsv-condition",
        jsv_condition,
        "Mean condition number of the Jacobian; none where a sample's is rank-deficient.",
        source=ISOMETRY,
    ),
    Metric("mean-jsvs", mean_jsvs, "`mean-jsv` at each epoch.", per="epoch"),
)
