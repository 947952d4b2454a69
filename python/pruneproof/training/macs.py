"""Multiply-adds of a network, tensor by tensor, and the fraction of them that zeros save.

The convention of the pruning literature: multiply-adds of convolutions and linear layers only (biases, normalisation,
activations and pooling are ignored), and an unstructured zero is counted as free. Nothing here measures time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pruneproof.contracts.model import conv_and_linear
from pruneproof.errors import BadTensor


def _of_layer(weight: Tensor, output: Tensor) -> int:
    """Each output value of a (grouped) convolution or linear layer is a dot product with one filter, `weight[0]`."""
    return output.numel() * weight[0].numel()


def _of_right_factor(weight: Tensor, output: Tensor) -> int:
    """Each output value of `input @ weight` is a dot product with one column of `weight`."""
    return output.numel() * weight.shape[0]


# What a weight can be multiplied by -> (position of the weight among the arguments, multiply-adds of one call).
PRODUCTS: dict[Callable[..., Any], tuple[int, Callable[[Tensor, Tensor], int]]] = {
    F.conv1d: (1, _of_layer),
    F.conv2d: (1, _of_layer),
    F.conv3d: (1, _of_layer),
    F.linear: (1, _of_layer),
    torch.matmul: (1, _of_right_factor),
    torch.mm: (1, _of_right_factor),
    Tensor.matmul: (1, _of_right_factor),
    Tensor.mm: (1, _of_right_factor),
    Tensor.__matmul__: (1, _of_right_factor),
}


class _Counter(TorchFunctionMode):
    """Adds up, per named weight, the multiply-adds of every product it takes part in."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.names = {id(weight): name for name, weight in weights.items()}
        self.macs = dict.fromkeys(weights, 0)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        position, macs_of = PRODUCTS.get(func, (None, None))
        if position is not None and macs_of is not None and len(args) > position:
            name = self.names.get(id(args[position]))
            if name is not None:
                self.macs[name] += macs_of(args[position], output)
        return output


def macs(model: nn.Module, shape: Sequence[int], names: Sequence[str] | None = None) -> dict[str, int]:
    """Return the multiply-adds that each weight tensor costs for one input of `shape`, in `names` order.

    `names` are state-dict names, by default those of all convolutions and linear layers; a weight used at several
    positions or steps counts each time. Grouped convolutions count what they compute. The forward pass runs on shapes
    alone (PyTorch's meta device) in evaluation mode: parameters, gradients, buffers, mode and random generators of
    `model` are left as they were.

    >>> macs(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Flatten(), nn.Linear(128, 10)), (3, 4, 4))
    {'0.weight': 3456, '2.weight': 1280}

    Raises:
        BadTensor: the model does not take inputs of that shape, a name is not one of its parameters, or a named weight
            meets its input in no convolution, linear layer or matrix product.
    """
    chosen = list(conv_and_linear(model) if names is None else names)
    parameters = {name: torch.empty_like(each, device="meta") for name, each in model.named_parameters()}
    buffers = {name: torch.empty_like(each, device="meta") for name, each in model.named_buffers()}
    if unknown := [name for name in chosen if name not in parameters]:
        raise BadTensor(f"multiply-adds were asked for {unknown}; the model has the parameters {sorted(parameters)}.")
    counter = _Counter({name: parameters[name] for name in chosen})
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), counter:
            torch.func.functional_call(model, (parameters, buffers), (torch.empty(1, *shape, device="meta"),))
    except RuntimeError as problem:
        raise BadTensor(
            f"counting multiply-adds: the model cannot process one input of shape {tuple(shape)}: {problem}"
        ) from problem
    finally:
        for part, training in modes:
            part.training = training
    if unmet := [name for name, count in counter.macs.items() if count == 0]:
        raise BadTensor(
            f"multiply-adds of {unmet} cannot be counted: on an input of shape {tuple(shape)} they take part in no "
            "convolution, linear layer or matrix product. Leave them out of the prunable set."
        )
    return counter.macs


def macs_pruned(macs: Mapping[str, int], densities: Mapping[str, float]) -> float:
    """Return the fraction of multiply-adds that the zeros save: 1 - Σ F_l·d_l / Σ F_l, in [0, 1].

    F_l are the multiply-adds of tensor l, d_l its alive fraction in [0, 1].

    >>> macs_pruned({"conv": 300, "fc": 100}, {"conv": 0.5, "fc": 0.1})
    0.6

    Raises:
        BadTensor: the two speak of different tensors, or nothing is multiplied at all.
    """
    if set(macs) != set(densities):
        odd = sorted(set(macs) ^ set(densities))
        raise BadTensor(f"multiply-adds and densities must name the same tensors; only one of them has {odd}.")
    total = sum(macs.values())
    if total == 0:
        raise BadTensor("the pruned fraction of zero multiply-adds is undefined; name at least one tensor.")
    return 1.0 - sum(count * densities[name] for name, count in macs.items()) / total
