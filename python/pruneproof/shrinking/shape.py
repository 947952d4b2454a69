"""`Shape`: which indices of a network's tensors are gone, as a value from which the smaller network can be rebuilt."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from pruneproof.errors import BadTensor
from pruneproof.shrinking.layers import Layer, is_depthwise
from pruneproof.values.masks import MaskSet


@dataclass(frozen=True)
class Cut:
    """What one module loses, by its indices in the full network."""

    outputs: tuple[int, ...] = ()
    """Filters, or channels of a normalisation: indices along the first dimension of its tensors."""
    inputs: tuple[int, ...] = ()
    """Input channels or features: indices along the second dimension of its weight."""

    def of(self, tensor: Tensor) -> Tensor:
        """Return what is left of one of the module's tensors.

        >>> Cut(outputs=(1,), inputs=(0,)).of(torch.arange(6).reshape(2, 3))
        tensor([[1, 2]])
        """
        for dim, gone in enumerate((self.outputs, self.inputs)):
            if gone and dim < tensor.dim():
                keep = np.delete(np.arange(tensor.shape[dim]), list(gone))
                tensor = tensor.index_select(dim, torch.from_numpy(keep).to(tensor.device))
        return tensor


@dataclass(frozen=True)
class Shape:
    """How a smaller network differs from the full one."""

    cuts: Mapping[str, Cut] = field(default_factory=dict)
    """Module -> what it loses."""
    biases: tuple[str, ...] = ()
    """Layers that have a bias in the smaller network only: it stands for constants of filters that are gone."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        parts = {name: {"outputs": cut.outputs, "inputs": cut.inputs} for name, cut in self.cuts.items()}
        return {
            "gone": {name: {side: list(gone) for side, gone in cut.items() if gone} for name, cut in parts.items()},
            "biases": list(self.biases),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Shape":
        """Read what `to_json` made."""
        cuts = {name: Cut(**{side: tuple(gone) for side, gone in cut.items()}) for name, cut in content["gone"].items()}
        return cls(cuts, tuple(content["biases"]))

    def apply_(self, network: nn.Module) -> None:
        """Cut the full network down to this shape; weights that stay keep their values, new biases are zero.

        >>> network = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
        >>> Shape({"0": Cut(outputs=(1,)), "1": Cut(inputs=(1,))}).apply_(network)
        >>> network
        Sequential(
          (0): Linear(in_features=2, out_features=2, bias=True)
          (1): Linear(in_features=2, out_features=1, bias=True)
        )

        Raises:
            BadTensor: the shape belongs to another network.
        """
        parts = dict(network.named_modules())
        for name, cut in self.cuts.items():
            _cut(_part(parts, name), cut, name)
        for name in self.biases:
            layer = _part(parts, name)
            layer.bias = nn.Parameter(layer.weight.new_zeros(len(layer.weight)))

    def of_masks(self, masks: MaskSet, smaller: nn.Module) -> MaskSet:
        """Return the masks of the smaller network's tensors.

        What was alive stays alive, and so is a dead weight that carries the constant of a filter that is gone.
        """
        state = smaller.state_dict()
        found = {}
        for name in masks:
            module = name.rpartition(".")[0]
            left = self.cuts[module].of(masks[name]) if module in self.cuts else masks[name]
            found[name] = left | (state[name] != 0).cpu()
        return MaskSet.from_tensors(found)


def _part(parts: Mapping[str, nn.Module], name: str) -> Any:
    if name not in parts:
        raise BadTensor(f'the shape speaks of a module "{name}", which the network does not have. Is it of another?')
    return parts[name]


def _cut(part: Any, cut: Cut, name: str) -> None:
    depthwise = is_depthwise(part)
    own: Iterable[tuple[str, Tensor | None]] = [*part._parameters.items(), *part._buffers.items()]
    for kind, tensor in own:
        if tensor is None:
            continue
        if any(gone and dim < tensor.dim() and max(gone) >= tensor.shape[dim] for dim, gone in _sides(cut)):
            raise BadTensor(
                f'the shape does not fit "{name}.{kind}" of shape {tuple(tensor.shape)}: it takes away indices beyond. '
                "Is it of another network?"
            )
        left = cut.of(tensor.detach())
        if kind in part._parameters:
            setattr(part, kind, nn.Parameter(left.contiguous(), requires_grad=tensor.requires_grad))
        else:
            setattr(part, kind, left)
    if isinstance(part, nn.Linear):
        part.out_features, part.in_features = part.weight.shape
    elif isinstance(part, _NormBase):
        part.num_features -= len(cut.outputs)
    elif isinstance(part, nn.PReLU):
        part.num_parameters = len(part.weight)
    elif isinstance(part, Layer):
        part.out_channels = len(part.weight)
        part.in_channels = part.out_channels if depthwise else part.weight.shape[1]
        part.groups = part.out_channels if depthwise else 1


def _sides(cut: Cut) -> tuple[tuple[int, tuple[int, ...]], ...]:
    return ((0, cut.outputs), (1, cut.inputs))
