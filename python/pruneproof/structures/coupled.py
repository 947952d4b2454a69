"""Coupled channels: filters with all that dies with them, so that a smaller network is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from pruneproof.api import BadConfig, Source, Structure

if TYPE_CHECKING:  # listing structures does without torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from pruneproof.api import Channels

RESIDUAL = ("keep-width", "together")
DEPTHWISE = ("follow", "keep", "unscored")


def coupled(
    shapes: Mapping[str, tuple[int, ...]],
    module: nn.Module,
    example: Tensor,
    *,
    residual: str = "keep-width",
    depthwise: str = "follow",
) -> dict[str, NDArray[np.int64]]:
    """Return one unit per channel that can be removed from the network.

    A unit is all filters that write the channel, their biases, the weight and bias of each normalisation that it goes
    through, and depthwise filters. So the layers that read the channel read zero when the unit is dead, and `shrink`
    removes it whole (where the activations between map zero to zero). In no unit are the filters of channels that

    - are outputs of the network, or go through what cannot lose them (`Channels.obstacles`);
    - go through a normalisation without weights, which turns a dead channel into another constant;
    - are written by a tensor that is not in `shapes`, or by one that two layers share.

    >>> import torch
    >>> from torch import nn
    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    >>> shapes = {"0.weight": (2, 1, 3, 3), "3.weight": (3, 8)}
    >>> found = coupled(shapes, network, torch.zeros(1, 1, 4, 4))
    >>> {name: numbers.reshape(-1).tolist() for name, numbers in found.items()}
    {'0.weight': [0, 1], '3.weight': [-1, -1, -1], '0.bias': [0, 1], '1.weight': [0, 1], '1.bias': [0, 1]}

    Args:
        shapes: name -> shape of each prunable tensor.
        module: the network.
        example: an input of it; its values do not matter.
        residual: whether channels that several layers write, those of a residual stream, stay ("keep-width") or are one
            unit over all these layers ("together").
        depthwise: whether depthwise filters die with the channel, their scores added to its own ("follow"); die with it
            and are never scored, not being prunable themselves ("unscored"); or the channel stays for their sake
            ("keep").

    Raises:
        BadConfig: another word for an option.
        BadTensor: the network does not take the example, or cannot be followed.
    """
    for option, value, allowed in (("residual", residual, RESIDUAL), ("depthwise", depthwise, DEPTHWISE)):
        if value not in allowed:
            raise BadConfig(
                f'structure "coupled" has {option} = {value!r}; allowed are {" and ".join(map(repr, allowed))}.'
            )
    from pruneproof.api import channels_of  # brings Torch-Pruning

    found = channels_of(module, example)
    layers = {name for name in found.passes if _is_layer(module, name) and f"{name}.weight" not in shapes}
    followers = layers if depthwise == "unscored" else set()
    fixed = set(found.obstacles) | _without_shape(found, module, shapes, followers)
    if residual == "keep-width":
        fixed |= {each for each, count in _writers(found).items() if count > 1}
    if depthwise == "keep":
        fixed |= {each for name, each in _places(found.passes) if _is_layer(module, name)}
    units = _numbered(found, shapes, fixed)
    return {**_scored(found, module, shapes, units), **_beyond(found, module, units, followers)}


def _places(parts: Mapping[str, NDArray[np.int64]]) -> Iterable[tuple[str, int]]:
    return ((name, each) for name, numbers in parts.items() for each in numbers.tolist())


def _is_layer(module: nn.Module, name: str) -> bool:
    from torch import nn

    return isinstance(module.get_submodule(name), nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear)


def _writers(found: Channels) -> Counter[int]:
    return Counter(each for _, each in _places(found.writes))


def _without_shape(
    found: Channels, module: nn.Module, shapes: Mapping[str, tuple[int, ...]], followers: Collection[str]
) -> set[int]:
    """Return the channels that go through what is not to be pruned, or cannot be by a mask of its own."""
    shared = Counter(id(each) for _, each in module.named_parameters(remove_duplicate=False))
    fixed = set()
    for name, numbers in found:
        part = module.get_submodule(name)
        weight = getattr(part, "weight", None)
        listed = f"{name}.weight" in shapes or name in followers or not _is_layer(module, name)
        if weight is None or not listed or any(shared[id(each)] > 1 for each in part.parameters(recurse=False)):
            fixed |= set(numbers.tolist())
    return fixed


def _numbered(found: Channels, shapes: Mapping[str, tuple[int, ...]], fixed: set[int]) -> NDArray[np.int64]:
    """Return channel -> unit, in the order of the prunable tensors; -1 for channels that stay, the last for none."""
    units = np.full(found.count + 1, -1, dtype=np.int64)
    places = dict(found)
    count = 0
    for name in shapes:
        for each in places.get(name.rpartition(".")[0], np.empty(0, np.int64)).tolist():
            if each >= 0 and each not in fixed and units[each] < 0:
                units[each] = count
                count += 1
    return units


def _scored(
    found: Channels, module: nn.Module, shapes: Mapping[str, tuple[int, ...]], units: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    places = dict(found)
    answer = {}
    for name, shape in shapes.items():
        part, _, kind = name.rpartition(".")
        covered = kind == "weight" and part in places and _is_layer(module, part)
        sides = [1] * max(0, len(shape) - 1)
        answer[name] = units[places[part]].reshape(-1, *sides) if covered else np.full((1,) * len(shape), -1, np.int64)
    return answer


def _beyond(
    found: Channels, module: nn.Module, units: NDArray[np.int64], followers: Collection[str]
) -> dict[str, NDArray[np.int64]]:
    """Return the units of what dies unscored: biases, and weights of normalisations, activations and followers."""
    answer: dict[str, NDArray[np.int64]] = {}
    for name, numbers in found:
        if (units[numbers] >= 0).any():
            own = dict(module.get_submodule(name).named_parameters(recurse=False))
            unscored = name in followers or not _is_layer(module, name)
            for kind, each in own.items():
                if kind != "weight" or unscored:
                    answer[f"{name}.{kind}"] = units[numbers].reshape(-1, *[1] * (each.dim() - 1))
    return answer


COUPLED = Structure(
    id="coupled",
    units=coupled,
    source=Source(
        authors="Fang, Ma, Song, Mi, Wang",
        year=2023,
        title="DepGraph: Towards Any Structural Pruning",
        arxiv="2301.12900",
    ),
    about="A channel: the filters that write it, with biases, normalisations and depthwise filters that die with them.",
    example={"residual": "together"},
)
