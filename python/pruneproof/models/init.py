"""Initialisation of He et al. for convolutions, and of whole networks in any shape."""

from collections.abc import Callable
from typing import Literal

from torch import nn


def reset_and(then: Callable[[nn.Module], None]) -> Callable[[nn.Module], None]:
    """Return an initialiser: PyTorch's default for each part, and what an architecture draws otherwise.

    >>> layer = nn.Sequential(nn.Conv2d(100, 100, 3), nn.BatchNorm2d(100))
    >>> reset_and(lambda model: he_normal(model, "fan_in"))(layer)
    >>> round(layer[0].weight.std().item() / (2 / 900) ** 0.5, 1)
    1.0
    """

    def initialise(model: nn.Module) -> None:
        for part in model.modules():
            reset = getattr(part, "reset_parameters", None)
            if reset is not None:
                reset()
        then(model)

    return initialise


def he_normal(model: nn.Module, mode: Literal["fan_in", "fan_out"]) -> None:
    """Draw every 2-d convolution of `model` from N(0, sqrt(2 / fan)) in place; all else keeps PyTorch's default.

    K. He et al. (2015), arXiv 1502.01852: eq. 10 is `fan_in` = k²·c_in (keeps the forward variance), eq. 14 is
    `fan_out` = k²·c_out (keeps the backward one). Draws from torch's global generator.

    >>> layer = nn.Conv2d(100, 100, 3)
    >>> he_normal(layer, "fan_in")
    >>> round(layer.weight.std().item() / (2 / 900) ** 0.5, 1)
    1.0
    """
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode=mode, nonlinearity="relu")


def he_normal_everywhere(model: nn.Module) -> None:
    """Draw every 2-d convolution and linear layer of `model` by `he_normal`'s fan-in rule, and set their biases to 0.

    As the code of Laurent et al. (2020), arXiv 2006.12279, does for all its networks, the one of tanh units included.

    >>> layer = nn.Linear(10000, 4)
    >>> he_normal_everywhere(layer)
    >>> round(layer.weight.std().item() / (2 / 10000) ** 0.5, 1), layer.bias.tolist()
    (1.0, [0.0, 0.0, 0.0, 0.0])
    """
    for part in model.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, mode="fan_in", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
