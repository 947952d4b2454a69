"""What a training costs, and how much of the network a moving mask has tried."""

from collections.abc import Mapping
from typing import Any

from pruneproof.api import LoadedData, Metric, Source, Tensors


def epoch_flops(alive: Tensors, macs: Mapping[str, int], data: LoadedData, *, dense_every: int = 0) -> float:
    """Return the floating-point operations of one epoch at the density that it ends with.

    Evci et al. (2020), arXiv 1911.11134, appendix: a step costs three forward passes per sample (forward, and backward
    with respect to features and to weights), 3 f_S with f_S = 2 Σ density_l macs_l, zeros for free. A rule that grows
    by the dense gradient every ΔT steps (`dense_every`) pays (f_D - f_S) / ΔT more in the mean, f_D that of the dense
    network; 0 is never. Biases, normalisation and the optimizer are left out.
    """
    dense = 2 * sum(macs.values())
    sparse = 2 * sum(macs[name] * int(mask.sum()) / (mask.numel() or 1) for name, mask in alive.items())
    extra = (dense - sparse) / dense_every if dense_every > 0 else 0.0
    return data.size("train") * (3 * sparse + extra)


def training_flops(history: Mapping[str, Any]) -> float | None:
    """Return the sum of `epoch-flops` over the last training, which must have been watched.

    >>> training_flops({"watched": {"epoch-flops": [3e9, 1e9]}})
    4000000000.0
    """
    found = history.get("watched", {}).get("epoch-flops", [])
    return None if not found or None in found else float(sum(found))


def explored_share(explored: Tensors) -> float:
    """Return the fraction of the prunable weights that have been alive at any time since the training began.

    The in-time over-parameterisation rate of Liu et al. (2021), arXiv 2102.02887.

    >>> import torch
    >>> explored_share({"w": torch.tensor([True, False])})
    0.5
    """
    size = sum(each.numel() for each in explored.values())
    return sum(int(each.sum()) for each in explored.values()) / (size or 1)


def in_time_over_parameterisation(history: Mapping[str, Any]) -> float | None:
    """Return `explored-share` at the end of the last training, which must have been watched."""
    found = history.get("watched", {}).get("explored-share", [])
    return found[-1] if found else None


ITOP = Source(
    authors="Liu, Yin, Mocanu, Pechenizkiy",
    year=2021,
    title="Do We Actually Need Dense Over-Parameterization? In-Time Over-Parameterization in Sparse Training",
    arxiv="2102.02887",
)
METRICS: tuple[Metric, ...] = (
    Metric("epoch-flops", epoch_flops, "Floating-point operations of an epoch of training.", "FLOPs", per="epoch"),
    Metric("training-flops", training_flops, "Floating-point operations of the last training.", "FLOPs"),
    Metric(
        "explored-share",
        explored_share,
        "Share of the weights that have been alive at any time.",
        per="epoch",
        source=ITOP,
    ),
    Metric(
        "in-time-over-parameterisation",
        in_time_over_parameterisation,
        "Share of the weights that the last training has ever had alive.",
        source=ITOP,
    ),
)
