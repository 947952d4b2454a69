"""Which filters are left, and what the measures of gradient flow say of them."""

from collections.abc import Mapping
from typing import Any

import torch

from pruneproof.api import Metric, Probe, Source, Tensors, decimal_floor

LUBANA = Source(
    authors="Lubana, Dick",
    year=2021,
    title="A Gradient Flow Framework For Analyzing Network Pruning",
    arxiv="2009.11839",
)


def living(alive: Tensors) -> dict[str, torch.Tensor]:
    """Return name -> which filters (output units) have a weight that is alive."""
    return {name: mask.flatten(1).any(1) if mask.dim() > 1 else mask for name, mask in alive.items()}


def per_filter(tensors: Tensors) -> torch.Tensor:
    """Return the sum over each filter, layer after layer, in float64.

    >>> per_filter({"a": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": torch.tensor([5.0])}).tolist()
    [3.0, 7.0, 5.0]
    """
    sums = (each.double().flatten(1).sum(1) if each.dim() > 1 else each.double() for each in tensors.values())
    return torch.cat([*sums])


def correlation(one: torch.Tensor, other: torch.Tensor) -> float | None:
    """Return Spearman's correlation; None for fewer than three numbers, or where one of the two is constant.

    >>> correlation(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([3.0, 5.0, 6.0]))
    1.0
    """
    if len(one) < 3 or not (one.isfinite().all() and other.isfinite().all()):
        return None
    if one.min() == one.max() or other.min() == other.max():
        return None
    from scipy import stats  # here, because workers start without it

    return round(float(stats.spearmanr(one.cpu().numpy(), other.cpu().numpy()).statistic), 12)


def filters(alive: Tensors) -> int:
    """Return the number of filters (output units of prunable weights) with a weight that is alive."""
    return sum(int(each.sum()) for each in living(alive).values())


def hollow_filters(weights: Tensors, alive: Tensors) -> int:
    """Return the number of filters that count as alive and have no weight but zeros."""
    filled = living({name: each != 0 for name, each in weights.items()})
    return sum(int((each & ~filled[name]).sum()) for name, each in living(alive).items())


def layers_below_floor(alive: Tensors, *, share: float = 0.05, plus: int = 1) -> int:
    """Return the number of layers with fewer than floor(share · n) + plus of n filters; smaller layers keep all."""
    return sum(
        int(each.sum()) < min(decimal_floor(share, each.numel()) + plus, each.numel())
        for each in living(alive).values()
    )


def early_removals(alive: Tensors) -> float | None:
    """Return the share of the removed filters that lie in the first third of the layers; None where none is removed."""
    removed = [int((~each).sum()) for each in living(alive).values()]
    first = sum(removed[: (len(removed) + 2) // 3])
    return first / sum(removed) if sum(removed) else None


def squared_gradient(probe: Probe, *, temperature: float = 1.0) -> float:
    """Return ‖g‖² of the mean training loss with respect to the prunable weights, in evaluation mode."""
    slopes = probe.gradients(temperature=temperature, train_mode=False, double=True)
    return sum(float(each.square().sum()) for each in slopes.values())


def squared_gradient_ratio(probe: Probe, reference: Mapping[str, Any], *, temperature: float = 1.0) -> float | None:
    """Return ‖g‖² over that of the reference."""
    before = reference["squared-gradient"]
    return squared_gradient(probe, temperature=temperature) / before if before else None


def norm_velocity(weights: Tensors, probe: Probe, *, temperature: float = 1.0) -> float:
    """Return 2 θᵀg, how fast gradient flow shrinks the squared norm of the prunable weights; in evaluation mode."""
    slopes = probe.gradients(temperature=temperature, train_mode=False, double=True)
    return 2 * sum(float((weights[name] * each).sum()) for name, each in slopes.items())


def norm_velocity_change(
    weights: Tensors, probe: Probe, reference: Mapping[str, Any], *, temperature: float = 1.0
) -> float | None:
    """Return |2 θᵀg - that of the reference|: what preserves the first-order evolution keeps it small."""
    before = reference["norm-velocity"]
    return None if before is None else abs(norm_velocity(weights, probe, temperature=temperature) - before)


def sign_agreement(weights: Tensors, alive: Tensors, probe: Probe, *, temperature: float = 1.0) -> float | None:
    """Return the share of living filters for which w · g and w · Hg have one sign; in evaluation mode."""
    slopes = probe.gradients(temperature=temperature, train_mode=False, double=True)
    product = probe.hessian_vector(slopes, temperature=temperature, train_mode=False, double=True)
    first, second = (per_filter({name: weights[name] * each[name] for name in weights}) for each in (slopes, product))
    among = per_filter({name: each.double() for name, each in living(alive).items()}) > 0
    same = (first.sign() == second.sign())[among]
    return float(same.double().mean()) if len(same) else None


def removal_correlation(
    weights: Tensors, alive: Tensors, probe: Probe, *, most: int = 64, temperature: float = 1.0
) -> float | None:
    """Return Spearman's correlation of -2 w · Hg with the change of ‖g‖² when single filters are removed.

    Every so many-th of the living filters is tried, at most `most` of them. Biases and normalisation stay.
    """
    options: dict[str, Any] = {"temperature": temperature, "train_mode": False, "double": True}
    slopes = probe.gradients(**options)
    product = probe.hessian_vector(slopes, **options)
    before = sum(float(each.square().sum()) for each in slopes.values())
    places = [(name, row) for name, each in living(alive).items() for row in each.nonzero().flatten().tolist()]
    expected, found = [], []
    for name, row in places[:: max(1, -(-len(places) // most))]:
        without = weights[name].clone()
        without[row] = 0
        after = probe.gradients(at={**weights, name: without}, **options)
        expected.append(-2 * float((weights[name][row] * product[name][row]).sum()))
        found.append(sum(float(each.square().sum()) for each in after.values()) - before)
    return correlation(torch.tensor(expected, dtype=torch.float64), torch.tensor(found, dtype=torch.float64))


METRICS: tuple[Metric, ...] = (
    Metric("filters", filters, "Filters with a weight that is alive.", "filters"),
    Metric(
        "hollow-filters",
        hollow_filters,
        "Filters that count as alive and hold only zeros.",
        "filters",
        better="smaller",
    ),
    Metric(
        "layers-below-floor",
        layers_below_floor,
        "Layers with fewer filters than a share of their own.",
        "layers",
        better="smaller",
    ),
    Metric("early-removals", early_removals, "Share of the removed filters that lie in the first third of the layers."),
    Metric("squared-gradient", squared_gradient, "Squared norm of the training loss's gradient.", source=LUBANA),
    Metric(
        "squared-gradient-ratio",
        squared_gradient_ratio,
        "Squared gradient norm over that of another measurement.",
        source=LUBANA,
        needs=("squared-gradient",),
    ),
    Metric(
        "norm-velocity", norm_velocity, "How fast gradient flow shrinks the squared norm of the weights.", source=LUBANA
    ),
    Metric(
        "norm-velocity-change",
        norm_velocity_change,
        "Absolute change of the norm's velocity against another measurement.",
        better="smaller",
        source=LUBANA,
        needs=("norm-velocity",),
    ),
    Metric("sign-agreement", sign_agreement, "Share of filters for which w·g and w·Hg have one sign.", source=LUBANA),
    Metric(
        "removal-correlation",
        removal_correlation,
        "Rank correlation of predicted and measured change of the squared gradient norm, filter by filter.",
        source=LUBANA,
    ),
)
