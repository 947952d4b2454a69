"""What a network has cost to train, its dense beginnings included: the measure of the setup SX-B."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from pruneproof.api import BadConfig, LoadedData, Metric, Source
from pruneproof.api import macs as macs_of


def training_macs(
    network: nn.Module,
    data: LoadedData,
    macs: Mapping[str, int],
    epochs: int,
    history: Mapping[str, Any],
    *,
    before: int = 0,
) -> int:
    """Return F_1 K_1 + F_2 K_2: multiply-adds that all trainings spent on a training sample, forward.

    K_2 are the epochs of the last training and F_2 the multiply-adds of the network for one input, zeros included, as
    the metric `macs` has them; K_1 are the epochs before and F_1, `before`, those of the network that was cut. A
    `before` of 0 says that the size has not changed. Where more than two trainings lie around a cut, all but the last
    one are counted as if they had been before it.

    Raises:
        BadConfig: `before` is no whole number from 0, or smaller than the network itself.
    """
    size = sum({**macs_of(network, data.shape), **macs}.values())
    if isinstance(before, bool) or not isinstance(before, int) or before < 0 or 0 < before < size:
        raise BadConfig(
            f"before = {before!r}, and this network has {size} multiply-adds: those of the network that it was cut "
            "from were expected, or 0."
        )
    last = min(epochs, len(history.get("loss", [])))
    return (before or size) * (epochs - last) + size * last


METRICS: tuple[Metric, ...] = (
    Metric(
        "training-macs",
        training_macs,
        "Multiply-adds that all trainings spent on a training sample.",
        "multiply-adds",
        better="smaller",
        source=Source(
            authors="Wang, Qin, Bai, Fu",
            year=2023,
            title="Why is the State of Neural Network Pruning so Confusing? On the Fairness, Comparison Setup, and "
            "Trainability in Network Pruning",
            arxiv="2301.05219",
            equation="table 2, SX-B; K_s of section 3.1",
        ),
    ),
)
