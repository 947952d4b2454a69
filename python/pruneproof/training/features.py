"""What the layers of the masked model read: norms and second moments of the input features of their weights."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pruneproof.contracts.dataset import Batch
from pruneproof.errors import BadConfig
from pruneproof.training.curvature import NUMBERS
from pruneproof.training.masked_model import MaskedModel
from pruneproof.training.samples import count_samples, samples

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Layer = nn.Linear | Convolution


def activations(masked: MaskedModel, batches: Sequence[Batch], *, train_mode: bool) -> dict[str, Tensor]:
    """Return the L2 norm of the input feature that each weight multiplies: see `Probe.activations`.

    >>> layer = nn.Linear(2, 2, bias=False)
    >>> batch = torch.tensor([[3.0, 1.0], [4.0, 0.0]]), torch.tensor([0, 1])
    >>> activations(MaskedModel(layer, ["weight"], None, seed=0), [batch], train_mode=False)["weight"]
    tensor([[5., 1.],
            [5., 1.]])

    Raises:
        BadConfig: no scoring samples, or a weight that belongs to no linear layer or convolution.
    """
    layers = _layers(masked, "the ingredient activations")
    squares: dict[str, Tensor] = {}

    def hear(name: str, layer: Layer, inputs: Tensor) -> None:
        squares[name] = squares.get(name, 0) + _feature_squares(layer, inputs)

    _listen(masked, {name: [layer] for name, layer in layers.items()}, hear, batches, train_mode)
    return {name: _per_weight(layer, squares.get(name, torch.zeros(())).sqrt()) for name, layer in layers.items()}


def layer_gram(masked: MaskedModel, batches: Sequence[Batch], *, train_mode: bool) -> dict[str, Tensor]:
    """Return 1/N Σ x xᵀ of the input features that each weight multiplies: see `Probe.layer_gram`.

    >>> layer = nn.Linear(2, 2, bias=False)
    >>> batch = torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([0, 1])
    >>> layer_gram(MaskedModel(layer, ["weight"], None, seed=0), [batch], train_mode=False)["weight"]
    tensor([[[5., 1.],
             [1., 2.]]], dtype=torch.float64)

    Raises:
        BadConfig: no scoring samples, or a weight that belongs to no linear layer or convolution.
    """
    layers = _layers(masked, "a probe's layer_gram")
    holders = [each for each in masked.model.modules() if isinstance(each, Layer)]
    sharing = {name: [each for each in holders if each.weight is layer.weight] for name, layer in layers.items()}
    totals: dict[str, Tensor] = {}
    for name, layer in layers.items():
        groups, width = _groups(layer), layer.weight[0].numel()
        totals[name] = layer.weight.new_zeros(groups, width, width, dtype=torch.float64)

    def hear(name: str, layer: Layer, inputs: Tensor) -> None:
        rows = max(1, NUMBERS // max(1, _patches(layer, inputs[:1]).numel()))
        for some in torch.split(inputs, rows):
            patches = _patches(layer, some).double()
            totals[name] += patches.mT @ patches

    _listen(masked, sharing, hear, batches, train_mode)
    return {name: total.div_(count_samples(batches)) for name, total in totals.items()}


def _layers(masked: MaskedModel, what: str) -> dict[str, Layer]:
    """Return the layer that each weight is named after."""
    layers: dict[str, Layer] = {}
    for name in masked.names:
        layer = masked.model.get_submodule(name.rpartition(".")[0])
        if not name.endswith("weight") or not isinstance(layer, Layer):
            raise BadConfig(
                f'{what} is not defined for "{name}", a parameter of {type(layer).__name__}: '
                "only weights of linear layers and convolutions multiply one input feature each."
            )
        layers[name] = layer
    return layers


def _listen(
    masked: MaskedModel,
    layers: dict[str, list[Layer]],
    hear: Callable[[str, Layer, Tensor], None],
    batches: Sequence[Batch],
    train_mode: bool,
) -> None:
    """Call `hear(name, layer, inputs)` before each call of a layer of that name, on all samples."""
    with _hooks(layers, hear), masked.looking(train_mode=train_mode), torch.no_grad():
        weights, others = masked.weights(), masked.others(double=False)
        for x, _, _ in samples(batches, weights):
            masked.outputs(weights, others, x)


@contextmanager
def _hooks(layers: dict[str, list[Layer]], hear: Callable[[str, Layer, Tensor], None]) -> Iterator[None]:
    def hook(name: str, layer: Layer) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, inputs: hear(name, layer, inputs[0])

    handles = [layer.register_forward_pre_hook(hook(name, layer)) for name in layers for layer in layers[name]]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _feature_squares(layer: Layer, inputs: Tensor) -> Tensor:
    """Return the sum of squares of each input feature: channel of a convolution, last axis of a linear layer."""
    axis = inputs.ndim - 1 if isinstance(layer, nn.Linear) else 1
    return inputs.square().sum([each for each in range(inputs.ndim) if each != axis])


def _per_weight(layer: Layer, features: Tensor) -> Tensor:
    """Repeat one number per input feature to the shape of the layer's weight."""
    weight = layer.weight
    if isinstance(layer, nn.Linear):
        return features.expand_as(weight)
    # Output channels come in groups, each of which reads its own share of the input channels.
    by_group = features.expand(layer.in_channels).reshape(layer.groups, weight.shape[1])
    by_output = by_group.repeat_interleave(layer.out_channels // layer.groups, dim=0)
    return by_output.reshape(*by_output.shape, *[1] * (weight.ndim - 2)).expand_as(weight)


def _groups(layer: Layer) -> int:
    return 1 if isinstance(layer, nn.Linear) else layer.groups


def _patches(layer: Layer, inputs: Tensor) -> Tensor:
    """Return what a row of the flattened weight multiplies: (groups, samples and places, inputs of the group)."""
    if isinstance(layer, nn.Linear):
        return inputs.reshape(1, -1, layer.in_features)
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    patches = F.pad(inputs, _margins(layer), mode)
    places = len(layer.kernel_size)
    for axis, (size, step, apart) in enumerate(zip(layer.kernel_size, layer.stride, layer.dilation, strict=True)):
        patches = patches.unfold(axis + 2, apart * (size - 1) + 1, step)[..., ::apart]
    # (samples, channels, *positions, *kernel) -> (groups, samples, *positions, channels of the group, *kernel)
    patches = patches.reshape(len(patches), layer.groups, layer.in_channels // layer.groups, *patches.shape[2:])
    return patches.movedim(2, places + 2).movedim(1, 0).reshape(layer.groups, -1, layer.weight[0].numel())


def _margins(layer: Convolution) -> list[int]:
    """Return the padding before and after each axis, last axis first, as `torch.nn.functional.pad` takes it."""
    margins: list[int] = []
    for axis in reversed(range(len(layer.kernel_size))):
        if layer.padding == "same":
            both = layer.dilation[axis] * (layer.kernel_size[axis] - 1)
            margins += [both // 2, both - both // 2]
        else:
            margins += [0, 0] if isinstance(layer.padding, str) else [int(layer.padding[axis])] * 2
    return margins
