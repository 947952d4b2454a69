"""Drop and grow: what RigL, SET and GraNet have in common. Each tensor keeps its number of alive weights."""

import math
from collections.abc import Callable

import torch

from pruneproof.api import BadConfig, Tensors, decimal_floor


def annealed(drop: float, progress: float, *, least: float = 0.0) -> float:
    """Return the fraction to drop, least + (drop - least)/2 · (1 + cos(π progress)): from `drop` down to `least`.

    >>> annealed(0.3, 0.0), annealed(0.3, 1.0), round(annealed(0.5, 0.5, least=0.1), 3)
    (0.3, 0.0, 0.3)

    Raises:
        BadConfig: a fraction outside [0, 1].
    """
    for fraction in (drop, least):
        if not 0.0 <= fraction <= 1.0:
            raise BadConfig(f"the fraction to drop is {fraction}; a number in [0, 1] was expected.")
    return least + (drop - least) / 2 * (1 + math.cos(math.pi * progress))


def drop_and_grow(weights: Tensors, alive: Tensors, growth: Callable[[str], torch.Tensor], fraction: float) -> Tensors:
    """Return masks in which the smallest alive weights of each tensor have made room for those of largest growth.

    Of a alive weights n = floor(f a) are dropped: those of smallest |θ|, of equals the ones of higher index. The n of
    largest growth among all that are then dead take their place, of equals the ones of lower index. A weight that was
    just dropped may be grown again at once; it has then never been away.

    >>> weights, alive = {"w": torch.tensor([3.0, 0.1, 2.0, 0.0])}, {"w": torch.tensor([True, True, True, False])}
    >>> drop_and_grow(weights, alive, lambda name: torch.tensor([9.0, 1.0, 1.0, 5.0]), 0.5)["w"].tolist()
    [True, False, True, True]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        alive: the masks so far.
        growth: name -> one number for each weight; asked in name order.
        fraction: f, the share of the alive weights of a tensor that is dropped, in [0, 1].
    """
    moved = {}
    for name in sorted(weights):
        stays = alive[name].flatten().clone()
        count = int(stays.sum())
        dropped = decimal_floor(fraction, count)
        size = weights[name].abs().flatten()
        stays[_last_of(torch.where(stays, size, torch.inf), dropped)] = False
        gain = growth(name).flatten()
        candidates = (~stays).nonzero()[:, 0]
        grown = candidates[_first_of(gain[candidates], dropped)]
        stays[grown] = True
        moved[name] = stays.reshape(weights[name].shape)
    return {name: moved[name] for name in weights}


def _first_of(values: torch.Tensor, count: int) -> torch.Tensor:
    """Return the places of the largest values; of equals the first."""
    return values.argsort(descending=True, stable=True)[:count]


def _last_of(values: torch.Tensor, count: int) -> torch.Tensor:
    """Return the places of the smallest values; of equals the last."""
    return len(values) - 1 - values.flip(0).argsort(stable=True)[:count]
