"""`slim`: from a network with filter masks to a smaller dense network with the same outputs.

Torch-Pruning knows which layers share a channel and cuts it out of all of them. What it does not know is whether that
changes the outputs; this module decides it, channel by channel:

- where all layers that read a channel read the constant 0, nothing is lost with it;
- where they read another constant, it goes into their biases, unless they pad with zeros: at the border they read less;
- of several constants before zero padding, one channel stays and carries the others, by its reader's weights;
- a channel that depends on the input (a shortcut adds something that lives) stays.

Every step is compared with the masked network, and undone if the outputs differ.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import isnan
from typing import Any

import torch
import torch_pruning
from pruneproof.api import BadTensor, MaskSet
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torch_pruning.ops import OPTYPE

from pruneproof_slim.constants import Layer, Reading, dead_filters, layers, readings

AGREEMENT = 1e-9
"""Largest difference between outputs in float64, relative to the largest output, that rounding may explain."""

DEPENDS = "its channel depends on the input further on: a shortcut or another branch adds something that is alive"
UNEVEN = "its constant differs from position to position where it is read, after a zero-padded depthwise convolution"
PADDED = "its constant is not zero, and the zero padding of the layer that reads it has no bias to stand for it"
CARRIER = "it carries the constants of other filters before zero padding"
LAST = "a layer keeps at least one filter"
ELSEWHERE = "it is a slice of a tensor that is no convolution's or linear layer's weight"
OUTPUT = "it is an output of the network, or nothing that could make up for it reads it"
REUSED = "a layer that reads it is used more than once"
SHORTCUT = "its channel has no counterpart in an earlier layer, whose shortcut is padded with zero channels"


@dataclass(frozen=True)
class Kept:
    """Pruned filters that are still there."""

    weight: str
    """State-dict name."""
    filters: tuple[int, ...]
    """Indices along the first dimension of the original tensor."""
    reason: str


@dataclass(frozen=True)
class Slimmed:
    """A smaller network, and what it took."""

    model: nn.Module
    removed: Mapping[str, tuple[int, ...]]
    """State-dict name of a weight -> filters removed from it, by their original indices."""
    kept: tuple[Kept, ...]
    """Pruned filters that could not be removed without changing the outputs; their weights are zero."""
    parameters_before: int
    parameters_after: int
    macs_before: int
    """Multiply-adds of convolutions, linear layers and matrix products for one input."""
    macs_after: int


def slim(model: nn.Module, masks: MaskSet, example: Tensor) -> Slimmed:
    """Return a smaller copy of `model` that answers as the masked model does, in evaluation mode.

    A filter is removed when all its weights are masked (or zero) and its removal changes no output. All is done in
    float64, where the outputs, on `example` and on noise of its shape, agree to 1e-9 of the largest output after each
    removal; then the copy goes back to the dtypes of `model`, whose rounding is all that remains.
    `model` is left as it is. Weights that two layers share are no longer shared where one was cut.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> masks = MaskSet.from_tensors({"0.weight": torch.tensor([[1, 1], [0, 0], [1, 0]])})
    >>> small = slim(model, masks, torch.zeros(1, 2))
    >>> small.model[0], small.removed, small.parameters_before, small.parameters_after
    (Linear(in_features=2, out_features=2, bias=True), {'0.weight': (1,)}, 13, 9)

    Args:
        model: a network that maps one tensor to one tensor.
        masks: state-dict name -> mask; what is no whole filter is applied too, and stays in the weights as zeros.
        example: a batch of inputs in floating point, on the model's device.

    Raises:
        BadTensor: masks that do not fit the model, an example that it does not take, or another output than a tensor.
    """
    masked = deepcopy(model)
    masks.apply_(masked)
    network = deepcopy(masked).eval().double().requires_grad_(True)
    inputs = _inputs(example)
    work = _Work(deepcopy(network), inputs)
    for name in layers(network):
        work.remove_from(name)
    return Slimmed(
        model=_restored(work.network, masked),
        removed={f"{name}.weight": tuple(sorted(gone)) for name, gone in work.removed.items() if gone},
        kept=(*work.kept(), *_elsewhere(masks, network)),
        parameters_before=_parameters(masked),
        parameters_after=_parameters(work.network),
        macs_before=_macs(network, inputs),
        macs_after=_macs(work.network, inputs),
    )


@dataclass(frozen=True)
class _Reader:
    """A layer that reads channels of a filter: input channels, and the filter behind each."""

    layer: Layer
    channels: list[int]
    filters: list[int]
    reading: Reading

    @property
    def pads_zeros(self) -> bool:
        layer = self.layer
        if isinstance(layer, nn.Linear) or layer.padding_mode != "zeros" or layer.padding == "valid":
            return False
        return max(layer.kernel_size) > 1 if layer.padding == "same" else any(layer.padding)

    def values(self, filters: Iterable[int]) -> Tensor:
        """Return the constants of filters that have one channel each."""
        return self.reading.value[self.channels_of(filters)]

    def channels_of(self, filters: Iterable[int]) -> list[int]:
        """Return the input channels of filters, in the order of the filters."""
        read: dict[int, list[int]] = {}
        for channel, each in zip(self.channels, self.filters, strict=True):
            read.setdefault(each, []).append(channel)
        return [channel for each in filters for channel in read[each]]


class _Work:
    """A network that loses filters layer by layer, with the account of them."""

    def __init__(self, network: nn.Module, inputs: Tensor) -> None:
        self.network = network
        self.inputs, self.expected = inputs, _answer(network, inputs)
        self.removed: dict[str, list[int]] = {name: [] for name in layers(network)}
        self._index = {name: list(range(len(layer.weight))) for name, layer in layers(network).items()}
        self._reasons: dict[tuple[str, int], str] = {}
        self._survey: tuple[Any, Mapping[nn.Module, list[Reading]]] | None = None

    def remove_from(self, name: str) -> None:
        """Remove the dead filters of a layer, as far as that changes no output, and note why others stay."""
        layer, index = layers(self.network)[name], self._index[name]
        dead = dead_filters(layer)
        if not dead:
            return
        backup = None
        try:
            graph, read = self._surveyed()
            plan = _plan(graph, layer, dead, read)
            stay = plan.stay
            if plan.gone:
                backup = deepcopy(self.network)
                plan.compensate()
                cuts = _cut(graph, layer, plan.gone)
                if not _same(_answer(self.network, self.inputs), self.expected):
                    raise ArithmeticError("without it the outputs are different")
                self._account(cuts)
        except Exception as problem:  # whatever Torch-Pruning or the network stumbles over: the filters stay
            stay = dict.fromkeys(dead, f"cutting it out failed with {type(problem).__name__}: {problem}")
            if backup is not None:
                self.network = backup
            self._survey = None
        for each, reason in stay.items():
            self._reasons[name, index[each]] = reason

    def kept(self) -> list[Kept]:
        """Return the dead filters that are still there, by layer and reason."""
        grouped: dict[tuple[str, str], list[int]] = {}
        for (name, each), reason in self._reasons.items():
            if each not in self.removed[name]:
                grouped.setdefault((name, reason), []).append(each)
        return [Kept(f"{name}.weight", tuple(sorted(each)), reason) for (name, reason), each in grouped.items()]

    def _surveyed(self) -> tuple[Any, Mapping[nn.Module, list[Reading]]]:
        """Return the dependencies of the network as it is now, and what its layers read."""
        if self._survey is None:
            with torch.enable_grad():  # Torch-Pruning follows the graph that autograd records
                graph = torch_pruning.DependencyGraph().build_dependency(
                    self.network, (self.inputs[:1],), verbose=False
                )
            self._survey = graph, readings(self.network, self.inputs[:1])
        return self._survey

    def _account(self, cuts: Mapping[nn.Module, list[int]]) -> None:
        self._survey = None
        for name, layer in layers(self.network).items():
            if layer in cuts:
                index = self._index[name]
                gone = {index[each] for each in cuts[layer]}
                self.removed[name] += gone
                self._index[name] = [each for each in index if each not in gone]


@dataclass(frozen=True)
class _Plan:
    """What becomes of the dead filters of one layer."""

    readers: list[_Reader]
    stay: dict[int, str]
    gone: list[int]
    padded: list[int]
    """Filters whose constant, not zero, is read with zero padding."""
    carrier: int | None
    """The one of these that carries the constants of the others."""

    def compensate(self) -> None:
        """Make up, in the readers, for the filters that go."""
        for reader in self.readers:
            if not reader.pads_zeros:
                _fold(reader, self.gone)
            elif self.carrier is not None:
                _merge(reader, self.padded, self.carrier)


def _plan(graph: Any, layer: Layer, dead: list[int], read: Mapping[nn.Module, list[Reading]]) -> _Plan:
    """Decide which dead filters can go."""
    group = graph.get_pruning_group(layer, graph.get_pruner_of_module(layer).prune_out_channels, dead)
    readers = []
    for item in group:
        target = item.dep.target
        if target.type in (OPTYPE.CONV, OPTYPE.LINEAR) and graph.is_in_channel_pruning_fn(item.dep.handler):
            if len(read[target.module]) != 1:
                return _all_stay(dead, REUSED)
            readers.append(_Reader(target.module, item.idxs, item.root_idxs, read[target.module][0]))
    if not readers:
        return _all_stay(dead, OUTPUT)
    stay = _without_counterpart(graph, group)
    padded: set[int] = set()
    for reader in readers:
        constant, value = reader.reading.constant.tolist(), reader.reading.value.tolist()
        for channel, each in zip(reader.channels, reader.filters, strict=True):
            if each in stay:
                continue
            if not constant[channel]:
                stay[each] = DEPENDS
            elif isnan(value[channel]):
                stay[each] = UNEVEN
            elif reader.pads_zeros and value[channel] != 0:
                padded.add(each)
    constants = sorted(padded - stay.keys())
    carrier = _carrier(readers, constants)
    stay |= dict.fromkeys(constants, PADDED) if carrier is None else {carrier: CARRIER}
    if not stay and len(dead) == len(layer.weight):
        stay[dead[-1]] = LAST
    return _Plan(readers, stay, [each for each in dead if each not in stay], constants, carrier)


def _all_stay(dead: list[int], reason: str) -> _Plan:
    return _Plan([], dict.fromkeys(dead, reason), [], [], None)


def _without_counterpart(graph: Any, group: Any) -> dict[int, str]:
    """Return the filters whose channel number exceeds the channels of a layer of the group."""
    beyond: dict[int, str] = {}
    for item in group:
        pruner = graph.get_pruner_of_module(item.dep.target.module)
        reads = graph.is_in_channel_pruning_fn(item.dep.handler)
        size = (pruner.get_in_channels if reads else pruner.get_out_channels)(item.dep.target.module)
        if size is not None:
            beyond |= {
                each: SHORTCUT for channel, each in zip(item.idxs, item.root_idxs, strict=True) if channel >= size
            }
    return beyond


def _carrier(readers: list[_Reader], filters: list[int]) -> int | None:
    """Return the filter that can carry the constants of all: zero in no zero-padded reader where another is not."""
    if len(filters) < 2:
        return None
    constants = torch.stack([reader.values(filters) for reader in readers if reader.pads_zeros])
    weakest = constants[(constants != 0).any(1)].abs().amin(0)
    best = int(weakest.argmax())
    return filters[best] if weakest[best] > 0 else None


def _merge(reader: _Reader, filters: list[int], carrier: int) -> None:
    """Put what the layer makes of the constants of these filters into its weights for the carrier.

    With constants c_j and weights w_j of input channel j, Σ_j w_j c_j = c_r (Σ_j w_j c_j / c_r), border included.
    """
    values, weight = reader.values(filters), reader.layer.weight
    if values.any():
        shares = (values / reader.values([carrier])).reshape(1, -1, *[1] * (weight.dim() - 2))
        merged = (weight.detach()[:, reader.channels_of(filters)] * shares).sum(1)
        with torch.no_grad():
            weight[:, reader.channels_of([carrier])[0]] = merged


def _fold(reader: _Reader, filters: list[int]) -> None:
    """Add what the layer reads from these filters to its bias: Σ_j w_j c_j, over the kernel too."""
    layer, channels = reader.layer, reader.channels_of(filters)
    weight = layer.weight.detach()[:, channels].reshape(len(layer.weight), len(channels), -1).sum(2)
    shift = weight @ reader.reading.value[channels]
    if shift.any():
        layer.bias = nn.Parameter(shift if layer.bias is None else layer.bias.detach() + shift)


def _elsewhere(masks: MaskSet, network: nn.Module) -> list[Kept]:
    """Return the dead slices of tensors that `slim` does not cut."""
    known = {f"{name}.weight" for name in layers(network)}
    dead = {name: (masks.row_counts(name) == 0).nonzero()[0].tolist() for name in masks if name not in known}
    return [Kept(name, tuple(each), ELSEWHERE) for name, each in dead.items() if each]


def _cut(graph: Any, layer: Layer, filters: list[int]) -> dict[nn.Module, list[int]]:
    """Cut filters out of a layer and their channels out of all others; return the filters that each layer loses."""
    group = graph.get_pruning_group(layer, graph.get_pruner_of_module(layer).prune_out_channels, filters)
    kinds = (OPTYPE.CONV, OPTYPE.DEPTHWISE_CONV, OPTYPE.LINEAR)
    lost = {
        item.dep.target.module: list(item.idxs)
        for item in group
        if item.dep.target.type in kinds and graph.is_out_channel_pruning_fn(item.dep.handler)
    }
    group.prune(record_history=False)
    return lost


def _inputs(example: Tensor) -> Tensor:
    """Return the example and noise of its shape as one batch in float64."""
    if not example.is_floating_point() or example.dim() < 2 or len(example) == 0:
        raise BadTensor(
            f"the example has dtype {example.dtype} and shape {tuple(example.shape)}. A batch of inputs in floating "
            "point was expected; networks that take integers cannot be slimmed."
        )
    noise = torch.randn(example.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.cat([example.double(), noise.to(example.device)])


def _answer(network: nn.Module, given: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            answer = network(given)
    except (RuntimeError, TypeError, ValueError) as problem:
        raise BadTensor(
            f"the network cannot process an example of shape {tuple(given.shape)} on {given.device}: {problem}. Give "
            "an example as the network takes it, on its device."
        ) from problem
    if not isinstance(answer, Tensor):
        raise BadTensor(
            f"the network returned {type(answer).__name__}; a tensor was expected. Wrap it in one that does."
        )
    return answer


def _same(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    scale = expected.abs().amax().item()
    return torch.allclose(found, expected, rtol=0.0, atol=AGREEMENT * scale)


def _restored(network: nn.Module, pattern: nn.Module) -> nn.Module:
    """Return `network` with the dtypes, train/eval modes and `requires_grad` of `pattern`."""
    network = deepcopy(network)
    patterns = dict(pattern.named_modules())
    for name, part in network.named_modules():
        part.training = patterns[name].training
        first = next(patterns[name].parameters(recurse=False), None)
        for kind, parameter in part.named_parameters(recurse=False):
            # a bias that was added takes after the weight beside it
            like = getattr(patterns[name], kind, None)
            like = first if like is None else like
            assert like is not None
            parameter.data = parameter.data.to(like.dtype)
            parameter.requires_grad_(like.requires_grad)
        for kind, buffer in part.named_buffers(recurse=False):
            buffer.data = buffer.data.to(patterns[name].get_buffer(kind).dtype)
    return network


def _parameters(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


def _macs(model: nn.Module, example: Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(example[:1])
    return int(counter.get_total_flops()) // 2
