"""`slim`: from a network with filter masks to a smaller dense network with the same outputs.

Which places a channel has is known (`channels`); whether the outputs change without it is decided here, from what the
layers that read it get (`constants`):

- where all of them read the constant 0, nothing is lost with it;
- where they read another constant, it goes into their biases, unless they pad with zeros: at the border they read less;
- of several constants before zero padding, one channel stays and carries the others, by its reader's weights;
- a channel that depends on the input (a shortcut adds something that lives) stays.

What remains is compared with the masked network. Where the outputs differ, the layers are cut one by one, and what
makes the difference is left in.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import isnan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pruneproof.errors import BadTensor
from pruneproof.shrinking import reasons
from pruneproof.shrinking.channels import Channels, Numbers, channels_of
from pruneproof.shrinking.constants import Reading, dead_filters, readings
from pruneproof.shrinking.layers import Layer, layers
from pruneproof.shrinking.shape import Cut, Shape
from pruneproof.values.masks import MaskSet

AGREEMENT = 1e-9
"""Largest difference between outputs in float64, relative to the largest output, that rounding may explain."""


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
    shape: Shape
    """What the full network must lose to have the tensors of `model`."""
    parameters_before: int
    parameters_after: int
    macs_before: int
    """Multiply-adds of convolutions, linear layers and matrix products for one input."""
    macs_after: int


def slim(model: nn.Module, masks: MaskSet, example: Tensor) -> Slimmed:
    """Return a smaller copy of `model` that answers as the masked model does, in evaluation mode.

    A filter is removed when all its weights are masked (or zero) and its removal changes no output. All is done in
    float64, where the outputs, on `example` and on noise of its shape, agree to 1e-9 of the largest output; then the
    copy goes back to the dtypes of `model`, whose rounding is all that remains. `model` is left as it is. Weights that
    two layers share are no longer shared where one was cut.

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
    expected = _answer(network, inputs)
    try:
        found = _Removal(network, inputs, expected, channels_of(network, inputs[:1])).run()
    except Exception:  # what cannot be followed, or refuses inputs that are no numbers: all filters stay
        dead = {name: dead_filters(layer) for name, layer in layers(network).items()}
        reason = _untraced(network)
        found = _Found(network, {}, {(name, each): reason for name, of in dead.items() for each in of})
    lost = {name: cut.outputs for name, cut in found.cuts.items() if cut.outputs and name in layers(network)}
    return Slimmed(
        model=_restored(found.network, masked),
        removed={f"{name}.weight": lost[name] for name in layers(network) if name in lost},
        kept=(*_grouped(found.stay), *_elsewhere(masks, network)),
        shape=Shape(found.cuts, _new_biases(network, found.network)),
        parameters_before=_parameters(masked),
        parameters_after=_parameters(found.network),
        macs_before=_macs(network, inputs),
        macs_after=_macs(found.network, inputs),
    )


@dataclass(frozen=True)
class _Found:
    """The smaller network in float64, what each module has lost, and why dead filters stay."""

    network: nn.Module
    cuts: Mapping[str, Cut]
    stay: Mapping[tuple[str, int], str]
    """Layer and dead filter -> reason why it stays."""


class _Removal:
    """Removes dead channels until none is left that can go.

    The network keeps its size until the end, so that indices are those of the full network throughout: channels that
    are gone are no longer read by anything.
    """

    def __init__(self, network: nn.Module, inputs: Tensor, expected: Tensor, channels: Channels) -> None:
        self.network, self.inputs, self.expected, self.channels = network, inputs, expected, channels
        self.gone = np.zeros(channels.count, dtype=np.bool_)
        self.refused = dict(channels.obstacles)
        """Channel -> why it stays, whatever the layers read."""

    def run(self) -> _Found:
        while True:  # once as a rule; again where a filter read nothing but what is gone now
            plan = self._plan()
            if not plan.gone:
                return _Found(self._smaller(self.network, self.gone), self._cuts(self.gone), self._stay(plan))
            failure = self._carry_out(plan)
            if failure is not None and not self._one_by_one():
                self.refused |= dict.fromkeys(plan.gone, failure)

    def _one_by_one(self) -> bool:
        """Remove what can go of each layer by itself; say whether anything is decided now."""
        decided = False
        for name in self._dead():
            plan = self._plan(name)
            if plan.gone:
                failure = self._carry_out(plan)
                self.refused |= {} if failure is None else dict.fromkeys(plan.gone, failure)
                decided = True
        return decided

    def _dead(self) -> dict[str, list[int]]:
        """Return the channels of the dead filters of each layer, without those that are gone."""
        parts = layers(self.network)
        return {
            name: [each for each in numbers[dead_filters(parts[name])].tolist() if each >= 0 and not self.gone[each]]
            for name, numbers in self.channels
            if name in parts
        }

    def _plan(self, only: str | None = None) -> "_Plan":
        """Decide which dead channels can go, of all layers or of one."""
        dead = self._dead()
        candidates = sorted({each for name in dead if only in (None, name) for each in dead[name]})
        stay = {each: self.refused[each] for each in candidates if each in self.refused}
        readers = self._readers()
        padded = set()
        for reader in readers:
            for number, constant, value in reader.entries(candidates):
                if number in stay:
                    continue
                if not constant:
                    stay[number] = reasons.DEPENDS
                elif isnan(value):
                    stay[number] = reasons.UNEVEN
                elif reader.pads_zeros and value != 0:
                    padded.add(number)
        carriers = {}
        for group in _alike(sorted(padded - stay.keys()), readers):
            carrier = _carrier(group, readers)
            stay |= dict.fromkeys(group, reasons.PADDED) if carrier is None else {carrier: reasons.CARRIER}
            if carrier is not None:
                carriers[carrier] = group
        going = set(candidates) - stay.keys()
        for name in dead:
            left = [each for each in dict(self.channels)[name].tolist() if each < 0 or not self.gone[each]]
            if left and going.issuperset(left):
                stay[left[-1]] = reasons.LAST
                going.discard(left[-1])
        return _Plan(readers, stay, sorted(going), carriers)

    def _readers(self) -> list["_Reader"]:
        parts, read = layers(self.network), readings(self.network, self.inputs[:1])
        return [
            _Reader(name, parts[name], numbers, read[parts[name]][0], self.channels.normalised.get(name))
            for name, numbers in self.channels.reads.items()
            if len(read[parts[name]]) == 1
        ]

    def _carry_out(self, plan: "_Plan") -> str | None:
        """Remove channels, or return why the network cannot do without them."""
        network, gone = deepcopy(self.network), self.gone.copy()
        plan.compensate(network)
        gone[plan.gone] = True
        try:
            with torch.no_grad():
                answer = self._smaller(network, gone)(self.inputs)
        except Exception:  # whatever the network's code says to another width
            return reasons.BROKEN
        if not _same(answer, self.expected):
            return reasons.DIFFERENT
        self.network, self.gone = network, gone
        self.refused |= {
            each: reason for each, reason in plan.stay.items() if reason in (reasons.CARRIER, reasons.LAST)
        }
        return None

    def _smaller(self, network: nn.Module, gone: NDArray[np.bool_]) -> nn.Module:
        smaller = deepcopy(network)
        Shape(self._cuts(gone)).apply_(smaller)
        return smaller

    def _cuts(self, gone: NDArray[np.bool_]) -> dict[str, Cut]:
        """Return what each module loses with the channels that are gone, in `named_modules` order."""

        def lost(numbers: Numbers | None) -> tuple[int, ...]:
            return () if numbers is None else tuple(np.flatnonzero((numbers >= 0) & gone[numbers]).tolist())

        outputs = dict(self.channels)
        cuts = {
            name: Cut(lost(outputs.get(name)), lost(self.channels.reads.get(name)))
            for name, _ in self.network.named_modules()
        }
        return {name: cut for name, cut in cuts.items() if cut != Cut()}

    def _stay(self, plan: "_Plan") -> dict[tuple[str, int], str]:
        channels = dict(self.channels)
        found = {}
        for name, layer in layers(self.network).items():
            for each in dead_filters(layer):
                number = int(channels[name][each]) if name in channels else -1
                if number < 0 or not self.gone[number]:
                    found[name, each] = plan.stay.get(number, reasons.INPUT)
        return found


@dataclass(frozen=True)
class _Reader:
    """A layer that reads channels, and what it reads."""

    name: str
    layer: Layer
    numbers: Numbers
    """The channel behind each input."""
    reading: Reading
    norm: str | None
    """The batch normalisation that alone reads the layer's outputs."""

    @property
    def pads_zeros(self) -> bool:
        layer = self.layer
        if isinstance(layer, nn.Linear) or layer.padding_mode != "zeros" or layer.padding == "valid":
            return False
        return max(layer.kernel_size) > 1 if layer.padding == "same" else any(layer.padding)

    def entries(self, channels: Sequence[int]) -> Iterator[tuple[int, bool, float]]:
        """Go through the inputs behind which a channel stands: its number, whether it is constant, and the constant."""
        places = self.places(channels)
        constant, value = self.reading.constant[places].tolist(), self.reading.value[places].tolist()
        yield from zip(self.numbers[places].tolist(), constant, value, strict=True)

    def places(self, channels: Sequence[int]) -> list[int]:
        """Return the inputs behind which one of the channels stands."""
        return np.flatnonzero(np.isin(self.numbers, channels)).tolist()

    def values(self, channels: Sequence[int]) -> Tensor:
        """Return the constants of channels that have one input each, in their order."""
        return self.reading.value[[self.places([each])[0] for each in channels]]


@dataclass(frozen=True)
class _Plan:
    """What becomes of the dead channels."""

    readers: list[_Reader]
    stay: dict[int, str]
    gone: list[int]
    carriers: dict[int, list[int]]
    """Channel that carries the constants of others before zero padding -> all of these, itself included."""

    def compensate(self, network: nn.Module) -> None:
        """Make up for the channels that go, and read them no more."""
        parts = layers(network)
        for reader in self.readers:
            places = reader.places(self.gone)
            if not places:
                continue
            layer = parts[reader.name]
            if reader.pads_zeros:
                for carrier, group in self.carriers.items():
                    if reader.places([carrier]):
                        _merge(layer, reader, [each for each in group if each == carrier or each in self.gone], carrier)
            else:
                norm = None if reader.norm is None else network.get_submodule(reader.norm)
                _fold(layer, reader.reading, places, norm)
            with torch.no_grad():
                layer.weight[:, places] = 0.0


def _alike(channels: list[int], readers: list[_Reader]) -> list[list[int]]:
    """Group channels that the same layers read, once each."""
    read: dict[int, list[str]] = {each: [] for each in channels}
    for reader in readers:
        for number, _, _ in reader.entries(channels):
            read[number].append(reader.name)
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, names in read.items():
        alone = () if len(set(names)) == len(names) else (str(number),)
        groups.setdefault((*names, *alone), []).append(number)
    return list(groups.values())


def _carrier(channels: list[int], readers: list[_Reader]) -> int | None:
    """Return the channel that can carry the constants of all: zero in no zero-padded reader where another is not."""
    if len(channels) < 2:
        return None
    padded = [reader for reader in readers if reader.pads_zeros and reader.places(channels[:1])]
    constants = torch.stack([reader.values(channels) for reader in padded])
    weakest = constants[(constants != 0).any(1)].abs().amin(0)
    best = int(weakest.argmax())
    return channels[best] if weakest[best] > 0 else None


def _merge(layer: Layer, reader: _Reader, channels: list[int], carrier: int) -> None:
    """Put what the layer makes of the constants of these channels into its weights for the carrier.

    With constants c_j and weights w_j of input channel j, Σ_j w_j c_j = c_r (Σ_j w_j c_j / c_r), border included.
    """
    values, weight = reader.values(channels), layer.weight
    if values.any():
        shares = (values / reader.values([carrier])).reshape(1, -1, *[1] * (weight.dim() - 2))
        inputs = [reader.places([each])[0] for each in channels]
        merged = (weight.detach()[:, inputs] * shares).sum(1)
        with torch.no_grad():
            weight[:, reader.places([carrier])[0]] = merged


def _fold(layer: Layer, reading: Reading, inputs: list[int], norm: nn.Module | None) -> None:
    """Add what the layer reads from these inputs to its bias: Σ_j w_j c_j, over the kernel too.

    Where the layer has no bias and a batch normalisation follows, its running mean falls by as much.
    """
    weight = layer.weight.detach()[:, inputs].reshape(len(layer.weight), len(inputs), -1).sum(2)
    shift = weight @ reading.value[inputs]
    if not shift.any():
        return
    if layer.bias is None and norm is not None:
        running_mean = norm.get_buffer("running_mean")
        running_mean -= shift
    else:
        layer.bias = nn.Parameter(shift if layer.bias is None else layer.bias.detach() + shift)


def _untraced(network: nn.Module) -> str:
    """Return the reason why nothing can be removed, with the recurrent part that stands in the way if there is one."""
    for name, part in network.named_modules():
        if isinstance(part, nn.RNNBase | nn.RNNCellBase):
            return f'{reasons.UNTRACED} through "{name}", of the kind {type(part).__name__}'
    return reasons.UNTRACED


def _grouped(stay: Mapping[tuple[str, int], str]) -> list[Kept]:
    """Return the dead filters that are still there, by layer and reason."""
    grouped: dict[tuple[str, str], list[int]] = {}
    for (name, each), reason in stay.items():
        grouped.setdefault((name, reason), []).append(each)
    return [Kept(f"{name}.weight", tuple(sorted(each)), reason) for (name, reason), each in grouped.items()]


def _elsewhere(masks: MaskSet, network: nn.Module) -> list[Kept]:
    """Return the dead slices of matrices that `slim` does not cut."""
    known = {f"{name}.weight" for name in layers(network)}
    dead = {
        name: (masks.row_counts(name) == 0).nonzero()[0].tolist()
        for name, shape in masks.shapes.items()
        if name not in known and len(shape) > 1
    }
    return [Kept(name, tuple(each), reasons.ELSEWHERE) for name, each in dead.items() if each]


def _new_biases(before: nn.Module, after: nn.Module) -> tuple[str, ...]:
    old = layers(before)
    return tuple(name for name, layer in layers(after).items() if layer.bias is not None and old[name].bias is None)


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
    except Exception as problem:
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
    scale = expected.abs().nan_to_num(0.0, 0.0).amax().item()
    return torch.allclose(found, expected, rtol=0.0, atol=AGREEMENT * scale, equal_nan=True)  # diverged: NaN as before


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
