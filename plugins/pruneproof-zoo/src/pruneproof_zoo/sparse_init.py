"""Initialisations that count the connections which a mask has left."""

import math
from collections.abc import Callable

import torch

from pruneproof.api import BadConfig, Source, Tensors, Transform, Transformed

FANS = ("fan-in", "fan-out", "fan-avg")
DISTRIBUTIONS = ("normal", "uniform")


def unit_scaled_init(
    weights: Tensors,
    alive: Tensors,
    rng: torch.Generator,
    *,
    fan: str = "fan-in",
    distribution: str = "normal",
    scale: float = 2.0,
) -> Transformed:
    """Return new weights w_ij of variance scale / fan, fan being the connections that unit i has under the mask.

    Evci, Ioannou, Keskin, Dauphin (2022), arXiv 2010.03533: w_ij ~ N(0, 2 / fan-in_i) keeps the variance of the signal
    in a sparse network, where a dense initialisation, masked, loses it by the density of each unit. Where a unit has no
    connection the fan counts as 1.

    The authors' code has other defaults than the formula: uniform, with scale = 1 and the mean of fan-in and fan-out.
    There, too, the fan sums up the places of a kernel. Biases and normalisation stay; tensors with one dimension do.

    >>> alive = {"w": torch.tensor([[True, False, False], [True, True, True]])}
    >>> weights = {"w": torch.ones(2, 3)}
    >>> new = unit_scaled_init(weights, alive, torch.Generator().manual_seed(0)).state["w"]
    >>> bool(new[0, 1] == 0), bool(new[0, 0] != 1)
    (True, True)

    Args:
        weights: the prunable weights, (outputs, inputs, ...); only names, shapes, dtypes and devices matter.
        alive: name -> bool mask.
        rng: a generator on the CPU; tensors draw in name order, dead places too.
        fan: "fan-in", "fan-out" or "fan-avg", their mean.
        distribution: "normal" or "uniform".
        scale: above 0.

    Raises:
        BadConfig: an option out of range.
    """
    return _drawn(
        weights,
        alive,
        rng,
        "unit-scaled-init",
        (fan, distribution, scale),
        lambda mask: (_count(mask, fan).clamp_min(1.0), 1.0),
    )


def layer_scaled_init(
    weights: Tensors,
    alive: Tensors,
    rng: torch.Generator,
    *,
    fan: str = "fan-in",
    distribution: str = "normal",
    scale: float = 2.0,
) -> Transformed:
    """Return new weights of variance scale / (fan · density): a dense initialisation, corrected for each layer at once.

    Liu, Sun, Zhou, Huang, Darrell (2019), arXiv 1810.05270, as `layer_scaled_init` of the code of Evci et al. (2022),
    arXiv 2010.03533: fan is that of the dense layer, density the alive share of the tensor. Where all units have as
    many connections, the distribution is that of `unit-scaled-init`; a unit with more than the mean has too large a
    variance. A tensor without a weight stays empty.

    Args:
        weights: as `unit_scaled_init`.
        alive: as `unit_scaled_init`.
        rng: as `unit_scaled_init`.
        fan: as `unit_scaled_init`.
        distribution: as `unit_scaled_init`.
        scale: as `unit_scaled_init`.

    Raises:
        BadConfig: an option out of range.
    """
    return _drawn(
        weights,
        alive,
        rng,
        "layer-scaled-init",
        (fan, distribution, scale),
        lambda mask: (_count(torch.ones_like(mask), fan).clamp_min(1.0), max(float(mask.double().mean()), 1e-300)),
    )


def _drawn(
    weights: Tensors,
    alive: Tensors,
    rng: torch.Generator,
    transform: str,
    options: tuple[str, str, float],
    fans: Callable[[torch.Tensor], tuple[torch.Tensor, float]],
) -> Transformed:
    """Draw every tensor with two dimensions or more, at the variance scale / (fan · density) of each place."""
    fan, distribution, scale = options
    if fan not in FANS or distribution not in DISTRIBUTIONS or not scale > 0:
        raise BadConfig(
            f'{transform} got the fan "{fan}", the distribution "{distribution}" and the scale {scale}; one of '
            f"{', '.join(FANS)}, one of {', '.join(DISTRIBUTIONS)}, and a number above 0 were expected."
        )
    state = {}
    for name in sorted(weights):
        shape, mask = weights[name].shape, alive[name].cpu()
        if mask.dim() < 2:
            continue
        if distribution == "normal":
            unit = torch.randn(shape, generator=rng, dtype=torch.float64)
        else:
            unit = (2 * torch.rand(shape, generator=rng, dtype=torch.float64) - 1) * math.sqrt(3)
        count, density = fans(mask)
        state[name] = torch.where(mask, unit * (scale / (count * density)).sqrt(), 0.0).to(weights[name])
    return Transformed(state=state)


def _count(mask: torch.Tensor, fan: str) -> torch.Tensor:
    """Return how many connections each weight's unit has, in a shape that broadcasts to the mask's."""
    flags = mask.double()
    into = flags.sum(tuple(range(1, mask.dim())), keepdim=True)
    out = flags.sum((0, *range(2, mask.dim())), keepdim=True)
    return {"fan-in": into, "fan-out": out, "fan-avg": (into + out) / 2}[fan]


EVCI = Source(
    authors="Evci, Ioannou, Keskin, Dauphin",
    year=2022,
    title="Gradient Flow in Sparse Neural Networks and How Lottery Tickets Win",
    arxiv="2010.03533",
    equation="sparse initialisation; code: init_utils.py",
)
UNIT_SCALED_INIT = Transform(
    id="unit-scaled-init",
    transform=unit_scaled_init,
    source=EVCI,
    about="Draws all weights anew, at a variance by the connections that each unit has; keeps the mask.",
    keeps=frozenset({"counts", "total", "mask"}),
)
LAYER_SCALED_INIT = Transform(
    id="layer-scaled-init",
    transform=layer_scaled_init,
    source=EVCI,
    about="Draws all weights anew, at a variance by the density of each tensor; keeps the mask.",
    keeps=frozenset({"counts", "total", "mask"}),
)
