"""Which channels of a network belong together, and which of them can be removed.

A filter of a convolution writes a channel. The channel goes through normalisations and depthwise filters, may be added
to what other filters write, and is read by later layers. Whoever removes one of these places must remove all of them.
Torch-Pruning (Fang et al. 2023, "DepGraph: Towards any structural pruning", arXiv 2301.12900) follows them through the
graph that autograd records.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
import torch_pruning
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch_pruning.ops import OPTYPE

from pruneproof.errors import BadTensor
from pruneproof.shrinking import reasons
from pruneproof.shrinking.layers import Layer, is_depthwise, layers

Numbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Channels:
    """The channels of a network by number; places of one number can only be removed together.

    Each mapping says, for each index along the named module's channels, which channel stands there; -1 for those that
    no layer of the network writes, such as its input.
    """

    writes: Mapping[str, Numbers]
    """Convolution or linear layer -> the channel that each filter writes."""
    passes: Mapping[str, Numbers]
    """Depthwise convolution, batch or instance normalisation, PReLU -> the channels that go through."""
    reads: Mapping[str, Numbers]
    """Convolution or linear layer -> the channel behind each input channel or feature."""
    obstacles: Mapping[int, str] = field(default_factory=dict)
    """Channel -> why it cannot be removed, whatever the weights are."""
    normalised: Mapping[str, str] = field(default_factory=dict)
    """Convolution or linear layer -> the batch normalisation that alone reads its output."""

    def __iter__(self) -> Iterator[tuple[str, Numbers]]:
        """Go through the modules that lose a filter, or its like, with each channel."""
        yield from self.writes.items()
        yield from self.passes.items()

    @property
    def count(self) -> int:
        """The number of channels; they are numbered from 0."""
        return 1 + max((int(each.max(initial=-1)) for _, each in self), default=-1)


def channels_of(network: nn.Module, example: Tensor) -> Channels:
    """Follow the channels of a network in evaluation mode.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    >>> found = channels_of(network, torch.zeros(1, 1, 4, 4))
    >>> found.writes["0"].tolist(), found.passes["1"].tolist(), found.reads["3"].tolist()
    ([0, 1], [0, 1], [0, 0, 0, 0, 1, 1, 1, 1])
    >>> found.obstacles[2]  # of the linear layer
    'it is an output of the network, or nothing that could make up for it reads it'

    Args:
        network: maps one tensor to one tensor; it is left as it is.
        example: an input in floating point, on the network's device; its values do not matter.

    Raises:
        BadTensor: the network does not take the example, or its layers cannot be followed.
    """
    traced = deepcopy(network).eval().requires_grad_(True)
    calls: Counter[nn.Module] = Counter()
    hooks = [layer.register_forward_pre_hook(lambda part, _: calls.update([part])) for layer in layers(traced).values()]
    try:
        with torch.enable_grad():  # autograd records the graph
            graph = torch_pruning.DependencyGraph().build_dependency(traced, (example[:1],), verbose=False)
        return _Tracing(traced, graph, calls).found()
    except Exception as problem:  # whatever Torch-Pruning stumbles over
        raise BadTensor(
            f"the channels of {type(network).__name__} could not be followed from layer to layer on an input of shape "
            f"{tuple(example.shape)}. Give an input as the network takes it; networks that return no tensor, or whose "
            "layers have parametrizations or hooks, are not supported."
        ) from problem
    finally:
        for hook in hooks:
            hook.remove()


class _Tracing:
    """Numbers the places of a traced network, and joins the numbers that turn out to be one channel."""

    def __init__(self, network: nn.Module, graph: Any, calls: Mapping[nn.Module, int]) -> None:
        self.graph, self.calls = graph, calls
        self.names = {part: name for name, part in network.named_modules()}
        self.layers = layers(network)
        self.writes = {name: _none(len(part.weight)) for name, part in self.layers.items() if not is_depthwise(part)}
        self.passes: dict[str, Numbers] = {}
        self.reads = {name: _none(_inputs(self.layers[name])) for name in self.writes}
        self.joined: list[int] = []
        """Number -> a lower number of the same channel, or itself."""
        self.obstacles: dict[int, str] = {}

    def found(self) -> Channels:
        for name in self.writes:
            self._follow(name)
        final = self._renumbered()
        writes, passes, reads = (
            {name: np.where(each < 0, -1, final[each]) for name, each in places.items()}
            for places in (self.writes, self.passes, self.reads)
        )
        obstacles: dict[int, str] = {}
        for number in sorted(self.obstacles):
            obstacles.setdefault(int(final[number]), self.obstacles[number])
        known = set(np.concatenate([_none(0), *reads.values()]).tolist())
        unread = {int(each) for numbers in writes.values() for each in numbers if int(each) not in known}
        return Channels(
            writes, passes, reads, {**dict.fromkeys(sorted(unread), reasons.OUTPUT), **obstacles}, self._normalised()
        )

    def _follow(self, name: str) -> None:
        """Number the channels that a layer writes, unless an earlier layer has led to them."""
        layer, numbers = self.layers[name], self.writes[name]
        new = np.flatnonzero(numbers < 0).tolist()
        first = len(self.joined)
        self.joined += range(first, first + len(new))
        numbers[new] = range(first, first + len(new))
        number_of = dict(zip(new, range(first, first + len(new)), strict=True))
        if layer not in self.graph.module2node:
            self._hinder(number_of.values(), reasons.UNSEEN)
        elif new:
            pruner = self.graph.get_pruner_of_module(layer)
            for item in self.graph.get_pruning_group(layer, pruner.prune_out_channels, new):
                self._note(item, [number_of[root] for root in item.root_idxs])

    def _note(self, item: Any, numbers: list[int]) -> None:
        """Note where channels stand in one module of the graph."""
        target, writes = item.dep.target, self.graph.is_out_channel_pruning_fn(item.dep.handler)
        part, name = target.module, self.names.get(target.module, "")
        obstacle = _obstacle(target, part, name)
        if obstacle is not None:
            self._hinder(numbers, obstacle)
        elif isinstance(part, nn.PReLU) and part.num_parameters == 1:
            return  # one slope for all channels
        elif is_depthwise(part) or isinstance(part, _NormBase | nn.PReLU):
            size = part.num_features if isinstance(part, _NormBase) else len(part.weight)
            self._put(self.passes.setdefault(name, _none(size)), item.idxs, numbers)
        elif name in self.writes:
            if not writes and self.calls[part] != 1:
                self._hinder(numbers, reasons.REUSED)
            self._put(self.writes[name] if writes else self.reads[name], item.idxs, numbers)

    def _put(self, places: Numbers, indices: list[int], numbers: list[int]) -> None:
        for index, number in zip(indices, numbers, strict=True):
            if index >= len(places):
                self._hinder([number], reasons.SHORTCUT)
            elif places[index] < 0:
                places[index] = number
            else:
                one, other = sorted((self._root(int(places[index])), self._root(number)))
                self.joined[other] = one

    def _hinder(self, numbers: Iterable[int], reason: str) -> None:
        for number in numbers:
            self.obstacles.setdefault(number, reason)

    def _root(self, number: int) -> int:
        while self.joined[number] != number:
            self.joined[number] = self.joined[self.joined[number]]
            number = self.joined[number]
        return number

    def _renumbered(self) -> Numbers:
        roots = np.array([self._root(number) for number in range(len(self.joined))], dtype=np.int64)
        return np.unique(roots, return_inverse=True)[1].astype(np.int64)

    def _normalised(self) -> dict[str, str]:
        found = {}
        for name in self.writes:
            node = self.graph.module2node.get(self.layers[name])
            if node is None or self.calls[node.module] != 1 or len(node.outputs) != 1:
                continue
            after = node.outputs[0]
            if isinstance(after.module, _BatchNorm) and after.inputs == [node] and after.module.track_running_stats:
                found[name] = self.names[after.module]
        return found


def _obstacle(target: Any, part: Any, name: str) -> str | None:
    """Return why nothing can be removed from a module of the graph."""
    if target.type == OPTYPE.OUTPUT:
        return reasons.OUTPUT
    if target.type in (OPTYPE.LN, OPTYPE.GN):
        return reasons.DEPENDS
    if target.type in (OPTYPE.SPLIT, OPTYPE.UNBIND):
        return reasons.SPLIT
    if target.type == OPTYPE.SLICE:
        cuts_channels = any(mapping is not None for dep in target.dependencies for mapping in dep.index_mapping)
        return reasons.SPLIT if cuts_channels else None
    if target.type == OPTYPE.PARAMETER:
        return reasons.PARAMETER
    if not name or isinstance(part, _NormBase | nn.PReLU):
        return None
    if isinstance(part, Layer):
        if "weight" not in part._parameters:
            return reasons.uncut(name, f"{type(part).__name__} with a computed weight")
        grouped = not isinstance(part, nn.Linear) and part.groups > 1 and not is_depthwise(part)
        return reasons.uncut(name, f"{type(part).__name__} in groups") if grouped else None
    return reasons.uncut(name, type(part).__name__)


def _inputs(layer: Layer) -> int:
    return layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels


def _none(size: int) -> Numbers:
    return np.full(size, -1, dtype=np.int64)
