"""Which weights lie on a path from the input to an output, and when a network counts as collapsed."""

import copy
import math

import torch
from torch import nn

from pruneproof.api import BadTensor, Evaluation, LoadedData, Metric, Source, Tensors

PASSING = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
)
"""Parts that pass every feature on."""


def path_flow(network: nn.Module, alive: Tensors, data: LoadedData) -> dict[str, torch.Tensor]:
    """Return, for each weight, a number above 0 where a path from an input to an output crosses it, else 0; float64.

    The derivative of the summed outputs for an input of ones on a copy of the network: alive weights are 1 / fan-in,
    weights that are not prunable too, biases are 0, normalisation and dropout pass on, and max-pooling averages, since
    each of its inputs may win. Identity shortcuts are paths. Everything is positive, so that nothing cancels; below
    1e-308 it would vanish, which takes hundreds of layers.

    Vysogorets & Kempe (2023), arXiv 2107.02306, call weights on such a path effective. A network without any is
    disconnected: the flow of Tanaka et al. (2020), arXiv 2006.05467, is 0.

    Raises:
        BadTensor: a prunable weight of a normalisation, which is no weight of paths.
    """
    twin = _positive(network, alive)
    parameters = dict(twin.named_parameters())
    for name in alive:
        if name not in parameters:
            raise BadTensor(
                f'connectivity is that of weights between features, and "{name}" belongs to a normalisation. Leave it '
                "out of the prunable weights, or the metric out of the step."
            )
    leaves = [parameters[name].requires_grad_() for name in alive]
    ones = torch.ones(1, *data.shape, dtype=torch.float64, device=leaves[0].device)
    with torch.enable_grad():
        total = twin(ones).sum()
        reached = total.requires_grad
        slopes = torch.autograd.grad(total, leaves, allow_unused=True) if reached else [None] * len(leaves)
    found = {}
    for (name, mask), slope in zip(alive.items(), slopes, strict=True):
        found[name] = torch.zeros_like(mask, dtype=torch.float64) if slope is None else slope * mask
    return found


def _positive(network: nn.Module, alive: Tensors) -> nn.Module:
    twin = copy.deepcopy(network).double().eval()
    for part in list(twin.modules()):
        for name, child in part.named_children():
            if isinstance(child, PASSING):
                setattr(part, name, nn.Identity())
            elif isinstance(child, nn.MaxPool2d):
                setattr(part, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter.requires_grad = False
            flags = alive[name] if name in alive else torch.full_like(parameter, float(parameter.dim() > 1))
            parameter.copy_(flags.double() / max(math.prod(parameter.shape[1:]), 1))
    return twin


def effective(network: nn.Module, alive: Tensors, data: LoadedData) -> dict[str, torch.Tensor]:
    """Return the mask of the alive weights that lie on a path from an input to an output."""
    return {name: each > 0 for name, each in path_flow(network, alive, data).items()}


def effective_weights(network: nn.Module, alive: Tensors, data: LoadedData) -> int:
    """Return the number of effective weights."""
    return sum(int(each.sum()) for each in effective(network, alive, data).values())


def effective_sparsity(network: nn.Module, alive: Tensors, data: LoadedData) -> float:
    """Return the fraction of the prunable weights that are zero or on no path."""
    size = sum(mask.numel() for mask in alive.values())
    return 1.0 - effective_weights(network, alive, data) / (size or 1)


def effective_share(network: nn.Module, alive: Tensors, data: LoadedData) -> float | None:
    """Return effective over alive weights; None where none is alive."""
    kept = sum(int(mask.sum()) for mask in alive.values())
    return effective_weights(network, alive, data) / kept if kept else None


def units_alive(network: nn.Module, alive: Tensors, data: LoadedData) -> dict[str, int]:
    """Return, for each prunable tensor, how many of its output units lie on a path through it."""
    found = effective(network, alive, data)
    return {
        name: int(each.flatten(1).any(1).sum()) if each.dim() > 1 else int(each.sum()) for name, each in found.items()
    }


def collapsed_tensor(alive: Tensors) -> bool:
    """Return whether any prunable tensor is empty (definition a): also where shortcuts lead around it."""
    return any(not bool(mask.any()) for mask in alive.values())


def collapsed_cut(network: nn.Module, alive: Tensors, data: LoadedData) -> bool:
    """Return whether the empty tensors cut the network (b): no path is left with all the others whole."""
    whole = {name: torch.full_like(mask, bool(mask.any())) for name, mask in alive.items()}
    return disconnected(network, whole, data)


def disconnected(network: nn.Module, alive: Tensors, data: LoadedData) -> bool:
    """Return whether no path of alive weights leads from an input to an output (c): the definition to prefer."""
    return effective_weights(network, alive, data) == 0


def at_chance(test: Evaluation, data: LoadedData, *, margin: float = 1.0) -> bool:
    """Return whether test accuracy is at most `margin` points above the share of the commonest class (d).

    Read after training; a network may stay at chance for other reasons than a lost path.
    """
    counts = torch.zeros(data.classes, dtype=torch.int64)
    for _, labels in data.batches("test", 1000):
        counts += labels.cpu().bincount(minlength=data.classes)
    return test.accuracy <= 100.0 * int(counts.max()) / max(int(counts.sum()), 1) + margin


TANAKA = Source(
    authors="Tanaka, Kunin, Yamins, Ganguli",
    year=2020,
    title="Pruning neural networks without any data by iteratively conserving synaptic flow",
    arxiv="2006.05467",
)
VYSOGORETS = Source(
    authors="Vysogorets, Kempe",
    year=2023,
    title="Connectivity Matters: Neural Network Pruning Through the Lens of Effective Sparsity",
    arxiv="2107.02306",
)
METRICS: tuple[Metric, ...] = (
    Metric(
        "effective-weights",
        effective_weights,
        "Alive weights on a path from an input to an output.",
        "weights",
        source=VYSOGORETS,
    ),
    Metric(
        "effective-sparsity",
        effective_sparsity,
        "Fraction of the prunable weights that are zero or on no path.",
        source=VYSOGORETS,
    ),
    Metric("effective-share", effective_share, "Share of the alive weights that are on a path.", better="larger"),
    Metric("units-alive", units_alive, "Output units of each tensor that are on a path.", "units", per="tensor"),
    Metric(
        "collapsed-tensor", collapsed_tensor, "Collapse a: whether a tensor is empty.", better="smaller", source=TANAKA
    ),
    Metric("collapsed-cut", collapsed_cut, "Collapse b: whether empty tensors cut the network.", better="smaller"),
    Metric("disconnected", disconnected, "Collapse c: whether no path is left.", better="smaller", source=TANAKA),
    Metric("at-chance", at_chance, "Collapse d: whether test accuracy is that of one class.", better="smaller"),
)
