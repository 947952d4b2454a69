"""Which channels carry a constant: values that the network's input cannot change.

A pruned filter does not output zero but its bias, and what batch normalisation, activations, pooling and sums make of
it. To find such channels the network is run on an input of NaN, with the outputs of pruned filters set to their bias.
NaN survives every arithmetic operation, so a value that is not NaN does not depend on the input, and is the constant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pruneproof.shrinking.layers import Layer, layers

EVEN = 1e-12
"""Relative spread, in float64, up to which values count as one: averages of equal numbers differ by rounding."""


@dataclass(frozen=True)
class Reading:
    """What a layer reads in one forward pass: one entry per input channel or feature."""

    constant: Tensor
    """bool: the values do not depend on the network's input."""
    value: Tensor
    """float64: the constant; NaN where there is none, or where it differs from position to position."""


def dead_filters(layer: Layer) -> list[int]:
    """Return the filters without a weight other than zero.

    >>> layer = nn.Linear(2, 3)
    >>> with torch.no_grad(): _ = layer.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]]))
    >>> dead_filters(layer)
    [1]
    """
    return (layer.weight.detach() == 0).flatten(1).all(1).nonzero().flatten().tolist()


def readings(model: nn.Module, example: Tensor) -> Mapping[nn.Module, list[Reading]]:
    """Return what each convolution and linear layer reads, once per call of the layer.

    Args:
        model: a network in evaluation mode.
        example: an input of the right shape, in floating point; its values do not matter.
    """
    found: dict[nn.Module, list[Reading]] = {layer: [] for layer in layers(model).values()}

    def read(layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        found[layer].append(_reading(inputs[0].movedim(channel_dim(layer), -1)))

    def silence(layer: Layer, inputs: Any, output: Tensor) -> Tensor:
        output = output.clone()
        dead = dead_filters(layer)
        output.movedim(channel_dim(layer), -1)[..., dead] = 0 if layer.bias is None else layer.bias[dead]
        return output

    hooks = [layer.register_forward_pre_hook(read) for layer in found]
    hooks += [layer.register_forward_hook(silence) for layer in found]
    try:
        with torch.no_grad():
            model(torch.full_like(example, torch.nan))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def channel_dim(layer: nn.Module) -> int:
    """Return the dimension of a layer's inputs and outputs that counts channels or features."""
    return -1 if isinstance(layer, nn.Linear) else 1


def _reading(channels_last: Tensor) -> Reading:
    positions = channels_last.flatten(0, -2)
    low, high = positions.amin(0), positions.amax(0)
    even = high - low <= EVEN * torch.maximum(low.abs(), high.abs())
    return Reading(constant=low.isfinite() & high.isfinite(), value=torch.where(even, high, torch.nan).double())
