"""Sums of squared slopes along directions in the space of logits: the diagonals of curvature matrices.

With z_n(w) the logits of sample n, J_n = ∂z_n/∂w and directions v_nk, every diagonal here is Σ_n Σ_k (J_nᵀ v_nk)².
Let p_n be the softmax of z_n and e_c the unit vector of class c. Then

* v_nc = √p_nc (e_c - p_n) for all classes c gives the diagonal of the generalised Gauss-Newton matrix of the
  cross-entropy, because Σ_c v_nc v_ncᵀ = diag(p_n) - p_n p_nᵀ is its Hessian in z_n (Schraudolph 2002; it is also the
  true Fisher matrix: Martens 2014, arXiv 1412.1193);
* v_nk = (e_y - p_n) / √K with K labels y drawn from p_n estimates that diagonal without bias;
* v_n1 = e_y - p_n with the label y of the sample gives the empirical Fisher matrix.

The weight of a linear layer or convolution that is used by one call of its layer alone needs no gradient per sample:
its slopes are products of the layer's inputs x with the slopes δ at its outputs, so that squares can be summed as
matrix products. All other weights get their slopes sample by sample.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import vjp, vmap

from pruneproof.contracts.ingredients import CurvatureKind, Tensors

Forward = Callable[[Tensors, Tensor], Tensor]
"""(weights, inputs) -> logits, by calling the model."""
Layers = Mapping[str, nn.Linear | nn.Conv2d]
"""Name of a weight -> the layer whose single call is all that uses it."""

NUMBERS = 2**26
"""How many numbers of slopes are held at a time (256 MiB of float32)."""


def directions(kind: CurvatureKind, logits: Tensor, labels: Tensor, draws: int, generator: torch.Generator) -> Tensor:
    """Return the directions v of a curvature, shape (K, samples, classes), in the dtype of the logits.

    K is the number of classes for `ggn`, `draws` for `ggn-mc` (drawn from `generator`, on the CPU), 1 for `fisher`.

    >>> v = directions("ggn", torch.zeros(1, 2), torch.tensor([0]), 1, torch.Generator())
    >>> (v.mT @ v).sum(0)  # the Hessian diag(p) - p pᵀ
    tensor([[ 0.2500, -0.2500],
            [-0.2500,  0.2500]])
    """
    shares = logits.softmax(1)
    units = torch.eye(shares.shape[1], dtype=shares.dtype, device=shares.device)
    if kind == "ggn":
        of_classes: Tensor = shares.T.sqrt().unsqueeze(2) * (units.unsqueeze(1) - shares)
        return of_classes
    if kind == "fisher":
        return (units[labels] - shares).unsqueeze(0)
    drawn = torch.multinomial(shares.cpu().double(), draws, replacement=True, generator=generator)
    return (units[drawn.T.to(shares.device)] - shares) / math.sqrt(draws)


def sole_layers(model: nn.Module, forward: Forward, weights: Tensors, x: Tensor) -> Layers:
    """Return the layers whose weight one call of theirs uses and nothing else does, on inputs like `x`.

    Each candidate's output is cut off from its weight; what still depends on a weight then, be it the logits or what
    enters a layer, uses it elsewhere.
    """
    candidates = {name: layer for name in weights if (layer := _candidate(model, name)) is not None}
    leaves = {name: weight.detach().clone().requires_grad_() for name, weight in weights.items()}
    calls: Counter[str] = Counter()
    seen: list[Tensor] = []

    def cut(name: str, inputs: Tensor, output: Tensor) -> Tensor:
        calls[name] += 1 if len(inputs) == len(output) == 2 else 2  # two samples went in, along the first axis
        seen.append(inputs)
        return output.detach()

    elsewhere: set[str] = set()
    with _listening(candidates, cut), torch.enable_grad():
        seen.append(forward(leaves, torch.cat([x[:1], x[:1]])))
        for each in seen:
            if each.requires_grad:
                slopes = torch.autograd.grad(each.sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
                elsewhere |= {name for name, slope in zip(leaves, slopes, strict=True) if slope is not None}
    return {name: layer for name, layer in candidates.items() if calls[name] == 1 and name not in elsewhere}


def squared_slopes(
    model: nn.Module, forward: Forward, layers: Layers, weights: Tensors, x: Tensor, v: Tensor
) -> dict[str, Tensor]:
    """Return Σ_n Σ_k (J_nᵀ v_nk)² for each weight, of its shape; samples must not see each other (no batch statistics).

    Args:
        model: what `forward` calls.
        forward: (weights, inputs) -> logits.
        layers: as `sole_layers` answers.
        weights: name -> weight, each of which is differentiated at.
        x: inputs, samples first.
        v: directions, shape (K, samples, classes).
    """
    others = {name: weight for name, weight in weights.items() if name not in layers}
    totals = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    parts: list[tuple[Mapping[str, Any], Callable[[Tensor, Tensor], dict[str, Tensor]]]] = [
        (layers, lambda x, v: _by_layer(model, forward, layers, weights, x, v)),
        (others, lambda x, v: _by_sample(forward, others, weights, x, v)),
    ]
    for names, sums in parts:
        if names:
            held = (
                sum(each.numel() for each in others.values())
                if names is others
                else numbers_per_sample(model, forward, weights, x)
            )
            rows = max(1, NUMBERS // (len(v) * held))
            for some_x, some_v in zip(torch.split(x, rows), torch.split(v, rows, dim=1), strict=True):
                for name, part in sums(some_x, some_v).items():
                    totals[name] += part
    return totals


def numbers_per_sample(model: nn.Module, forward: Forward, weights: Tensors, x: Tensor) -> int:
    """Return how many numbers all linear layers and convolutions put out for one sample, at least 1."""
    found = 0

    def count(name: str, inputs: Tensor, output: Tensor) -> None:
        nonlocal found
        found += output.numel()

    every = {name: part for name, part in model.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)}
    with _listening(every, count), torch.no_grad():
        forward(weights, x[:1])
    return max(found, 1)


def _by_sample(forward: Forward, others: Tensors, weights: Tensors, x: Tensor, v: Tensor) -> dict[str, Tensor]:
    """Sum the squares of slopes that are made for every sample and direction."""

    def slopes(one: Tensor, along: Tensor) -> dict[str, Tensor]:
        pull = vjp(lambda some: forward({**weights, **some}, one.unsqueeze(0)).squeeze(0), dict(others))[1]
        found: dict[str, Tensor] = vmap(pull)(along)[0]
        return found

    per_sample = vmap(slopes, in_dims=(0, 1))(x, v)
    return {name: each.square().sum((0, 1)) for name, each in per_sample.items()}


def _by_layer(
    model: nn.Module, forward: Forward, layers: Layers, weights: Tensors, x: Tensor, v: Tensor
) -> dict[str, Tensor]:
    """Sum the squares of slopes from the inputs of each layer and the slopes at its outputs."""
    shapes: dict[str, torch.Size] = {}
    with _listening(layers, lambda name, inputs, output: shapes.__setitem__(name, output.shape)), torch.no_grad():
        forward(weights, x[:1])

    def shifted(shifts: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        inputs: dict[str, Tensor] = {}

        def shift(name: str, given: Tensor, output: Tensor) -> Tensor:
            inputs[name] = given
            return output + shifts[name]

        with _listening(layers, shift):
            return forward(weights, x), inputs

    zeros = {name: weights[name].new_zeros(len(x), *shape[1:]) for name, shape in shapes.items()}
    answer: tuple[Any, ...] = vjp(shifted, zeros, has_aux=True)
    _, pull, inputs = answer
    slopes = vmap(pull)(v)[0]
    return {
        name: _sum_of_squares(_features(layer, inputs[name]), _slopes(layer, slopes[name])).reshape_as(weights[name])
        for name, layer in layers.items()
    }


def _sum_of_squares(x: Tensor, d: Tensor) -> Tensor:
    """Return Σ_nk (Σ_s d_knos x_nis)² over samples n and directions k, s the positions at which a kernel is applied.

    With few positions the square is multiplied out, Σ_st (Σ_k d_knos d_knot) x_nis x_nit: one matrix product over all
    samples and pairs of positions. With many, the inner sums are made for every sample and direction.

    Args:
        x: features, shape (samples, groups, inputs, positions).
        d: slopes, shape (directions, samples, groups, outputs, positions).

    Returns:
        shape (groups, outputs, inputs).
    """
    groups, features, places = x.shape[1:]
    outputs = d.shape[3]
    if places == 1:
        return torch.einsum("ngo,ngi->goi", d.squeeze(-1).square().sum(0), x.squeeze(-1).square())
    total = x.new_zeros(groups, outputs, features)
    multiplied_out = places < 2 * len(d)
    pairs = torch.triu_indices(places, places, device=x.device)
    held = pairs.shape[1] * (features + len(d) * outputs) if multiplied_out else len(d) * outputs * features
    rows = max(1, NUMBERS // max(1, groups * held))
    for some_x, some_d in zip(torch.split(x, rows), torch.split(d, rows, dim=1), strict=True):
        if multiplied_out:
            left = (some_d[..., pairs[0]] * some_d[..., pairs[1]]).sum(0) * (1 + (pairs[0] != pairs[1]))
            right = some_x[..., pairs[0]] * some_x[..., pairs[1]]
            total += torch.einsum("ngot,ngit->goi", left, right)
        else:
            stacked = some_d.permute(1, 2, 0, 3, 4).reshape(len(some_x), groups, -1, places)
            slopes = (stacked @ some_x.mT).square_()
            total += slopes.sum(0).reshape(groups, len(d), outputs, features).sum(1)
    return total


def _features(layer: nn.Linear | nn.Conv2d, inputs: Tensor) -> Tensor:
    """Return what each weight multiplies: (samples, groups, inputs of a group times kernel, positions)."""
    if isinstance(layer, nn.Linear):
        return inputs.reshape(len(inputs), -1, layer.in_features).mT.unsqueeze(1)
    patches = F.unfold(inputs, layer.kernel_size, layer.dilation, layer.padding, layer.stride)  # type: ignore[arg-type]
    return patches.reshape(len(inputs), layer.groups, -1, patches.shape[2])


def _slopes(layer: nn.Linear | nn.Conv2d, slopes: Tensor) -> Tensor:
    """Return slopes at the layer's outputs as (directions, samples, groups, outputs of a group, positions)."""
    if isinstance(layer, nn.Linear):
        return slopes.reshape(*slopes.shape[:2], -1, layer.out_features).mT.unsqueeze(2)
    return slopes.reshape(*slopes.shape[:2], layer.groups, layer.out_channels // layer.groups, -1)


def _candidate(model: nn.Module, name: str) -> nn.Linear | nn.Conv2d | None:
    layer, _, leaf = name.rpartition(".")
    found = model.get_submodule(layer)
    if leaf != "weight" or not isinstance(found, nn.Linear | nn.Conv2d):
        return None
    plain = isinstance(found, nn.Linear) or (found.padding_mode == "zeros" and not isinstance(found.padding, str))
    return found if plain else None


@contextmanager
def _listening(layers: Layers, hear: Callable[[str, Tensor, Tensor], Tensor | None]) -> Iterator[None]:
    """Call `hear(name, input, output)` after each call of a layer; what it returns replaces the output."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]:
        return lambda _, inputs, output: hear(name, inputs[0], output)

    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
