"""Nodes by what reads them: a channel is gone when no later layer reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pruneproof.api import Source, Structure, channels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn


def readers(shapes: Mapping[str, tuple[int, ...]], module: nn.Module, example: Tensor) -> dict[str, NDArray[np.int64]]:
    """Return one unit per channel: all weights, of any layer, that read it.

    Where the unit is dead nothing of the channel is left, whatever its bias, normalisation and activation are: the
    network is the one without the node. (`coupled` removes the weights that write it instead, and leaves what the
    activations make of zero.) The weights that write the channel stay alive and do nothing. The network's inputs are no
    nodes here, nor are its outputs, and neither are channels that are read by a tensor that is not in `shapes` or that
    two layers share, or that go through what cannot lose them (`Channels.obstacles`), such as a grouped convolution.

    >>> import torch
    >>> from torch import nn
    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    >>> found = readers({"0.weight": (2, 1, 3, 3), "3.weight": (3, 8)}, network, torch.zeros(1, 1, 4, 4))
    >>> {name: numbers.reshape(-1).tolist() for name, numbers in found.items()}
    {'0.weight': [-1], '3.weight': [0, 0, 0, 0, 1, 1, 1, 1]}

    Args:
        shapes: name -> shape of each prunable tensor.
        module: the network.
        example: an input of it; its values do not matter.

    Raises:
        BadTensor: the network does not take the example, or cannot be followed.
    """
    channels = channels_of(module, example)
    uses = Counter(id(each) for _, each in module.named_parameters(remove_duplicate=False))
    fixed = set(channels.obstacles)
    for layer, numbers in channels.reads.items():
        name = f"{layer}.weight"
        if name not in shapes or uses[id(module.get_parameter(name))] > 1:
            fixed |= set(numbers.tolist())
    answer = {}
    for name, shape in shapes.items():
        layer, _, kind = name.rpartition(".")
        followed = kind == "weight" and layer in channels.reads and len(channels.reads[layer]) == shape[1]
        numbers = channels.reads[layer] if followed else np.full(1, -1, dtype=np.int64)
        numbers = np.where(np.isin(numbers, sorted(fixed)), -1, numbers)
        answer[name] = numbers.reshape([1, -1, *[1] * (len(shape) - 2)] if len(shape) > 1 else [-1])
    return answer


NODE = Structure(
    id="node",
    units=readers,
    source=Source(
        authors="Rachwan, Zügner, Charpentier, Geisler, Ayle, Günnemann",
        year=2022,
        title="Winning the Lottery Ahead of Time: Efficient Early Network Pruning",
        arxiv="2206.10451",
        equation="gates of CroP-S; the weights that read a node are ours",
    ),
    about="A hidden node: all weights that read one channel, in whatever layers.",
)
