"""The layers that lose filters: convolutions and linear layers."""

from typing import TypeAlias

from torch import nn

Layer: TypeAlias = nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear


def layers(network: nn.Module) -> dict[str, Layer]:
    """Return the convolutions and linear layers by name, in `named_modules` order; transposed ones are none."""
    return {name: part for name, part in network.named_modules() if isinstance(part, Layer)}


def is_depthwise(part: nn.Module) -> bool:
    """Say whether each filter of a convolution reads the channel of its own number and no other."""
    if not isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return False
    return part.groups == part.in_channels == part.out_channels > 1
