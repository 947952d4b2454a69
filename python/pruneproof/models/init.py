"""Initialisation of He et al. for convolutions."""

from typing import Literal

from torch import nn


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
