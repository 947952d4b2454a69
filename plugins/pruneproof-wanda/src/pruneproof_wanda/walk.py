"""`prune_transformer`: block after block, each under the pruned blocks before it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn

from pruneproof.api import BadTensor, MaskSet, UnknownName
from pruneproof_wanda.calibration import Batch, Stream, looking
from pruneproof_wanda.criterion import wanda
from pruneproof_wanda.layers import Layer, find_blocks, find_layers
from pruneproof_wanda.selecting import Amount, Scope
from pruneproof_wanda.solver import check_options, solve

Method = Literal["wanda", "magnitude", "sparsegpt"]

DEFAULT_SCOPES: Mapping[str, Scope] = {"wanda": "row", "magnitude": "tensor", "sparsegpt": "tensor"}
"""Who competes in the papers: Wanda per output, magnitude and SparseGPT (slice by slice) per layer."""


@dataclass(frozen=True)
class LayerReport:
    """What pruning did to one layer."""

    name: str
    """State-dict name of the weight."""
    kept: int
    size: int
    error: float
    """‖X Wᵀ - X Ŵᵀ‖² / ‖X Wᵀ‖² over all calibration samples, X being what the layer reads when its turn comes, that is
    under the pruned blocks before it; 0 where the layer's outputs are zero."""


@dataclass(frozen=True)
class Pruned:
    """The masks of all pruned layers, and a report for each in the order of pruning."""

    masks: MaskSet
    layers: tuple[LayerReport, ...]

    @property
    def error(self) -> float:
        """The mean of the layers' relative errors."""
        return sum(layer.error for layer in self.layers) / len(self.layers)


def prune_transformer(
    model: nn.Module,
    calibration: Iterable[Batch],
    *,
    method: Method = "wanda",
    sparsity: float | None = None,
    structure: str = "weight",
    scope: Scope | None = None,
    blocks: str | None = None,
    unprunable: Sequence[str] = (),
    columns: int = 128,
    dampening: float = 0.01,
) -> Pruned:
    """Prune the linear layers of a transformer's blocks in place; survivors change with `sparsegpt` alone.

    Block after block: the inputs of its layers are collected with all earlier blocks pruned and the block itself still
    whole, its layers are pruned, and the samples go through what is left (Frantar and Alistarh 2023, arXiv 2301.00774;
    Sun et al. 2024, arXiv 2306.11695). Embeddings, norms, biases and the head are left alone, to the bit, and so are
    train/eval mode, gradients, hooks and the random generators. How the samples are split into batches does not matter,
    beyond the rounding of the model's own arithmetic.

    >>> class Tiny(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))
    ...
    ...     def forward(self, x):
    ...         for block in self.blocks:
    ...             x = block(x)
    ...         return x
    >>> model = Tiny()
    >>> pruned = prune_transformer(model, [torch.randn(8, 4)], structure="2:4")
    >>> [(layer.name, layer.kept) for layer in pruned.layers], pruned.masks.is_n_of_m("blocks.0.weight", 2, 4)
    ([('blocks.0.weight', 8), ('blocks.1.weight', 8)], True)

    Args:
        model: any module that keeps its blocks in a `ModuleList` and runs them as a chain, on the CPU or on CUDA.
        calibration: batches of samples on the model's device. All positions count, padding included: better use none.
        method: `wanda`, |W_ij| · ‖X_j‖₂; `magnitude`, |W_ij|; `sparsegpt`, see `pruneproof_wanda.sparsegpt`.
        sparsity: fraction of the weights that compete to remove, in [0, 1): of n exactly floor(sparsity · n) go.
        structure: `weight`, or N:M along a layer's inputs as in `2:4`, which takes neither sparsity nor scope.
        scope: who competes: the weights of an output unit (`row`), of a layer (`tensor`), or of all layers of a block
            (`block`, not with sparsegpt). None: the method's own, see `DEFAULT_SCOPES`.
        blocks: name of the list of blocks, such as `model.layers`; None where there is only one. Of an encoder and a
            decoder, prune one after the other.
        unprunable: glob patterns of weights that are left alone.
        columns: of `sparsegpt`: how many columns are masked and updated together, from 1.
        dampening: of `sparsegpt`: fraction of the Hessian's mean diagonal that is added to it, at least 0.

    Raises:
        BadConfig: arguments that contradict each other or are out of range, no calibration, or blocks that are none.
        BadTensor: a weight that cannot be pruned, NaN, or a Hessian without an inverse.
        UnknownName: an unknown method, scope or list of blocks.

    What is wrong with the arguments, the weights or the dense activations is said before anything changes. What shows
    only on the way (a layer that no sample reaches, a Hessian without an inverse, an overflow after pruning) leaves the
    blocks before it pruned.
    """
    if method not in get_args(Method):
        raise UnknownName.among("method", method, get_args(Method))
    amount = Amount.parse(sparsity, structure, scope, default=DEFAULT_SCOPES[method])
    if method == "sparsegpt":
        check_options(amount, columns, dampening)
    modules = find_blocks(model, blocks)
    layers = find_layers(model, modules, unprunable)
    _check_pattern(amount, layers)
    masks: list[MaskSet] = []
    reports: list[LayerReport] = []
    with looking(model):
        stream = Stream.start(model, modules, calibration)
        for name, block in modules.items():
            grams = stream.grams(name, block, layers[name])
            for group in [layers[name]] if amount.scope == "block" else [[layer] for layer in layers[name]]:
                before = {layer.name: layer.matrix() for layer in group}
                if method == "sparsegpt":
                    chosen = _solve(group, grams, amount, columns, dampening)
                else:
                    chosen = _choose(group, before, grams if method == "wanda" else None, amount)
                chosen.apply_(model)
                masks.append(chosen)
                reports += [_report(layer, before[layer.name], grams[layer.name], chosen) for layer in group]
            stream.advance(name, block)
    return Pruned(_union(masks), tuple(reports))


def _check_pattern(amount: Amount, layers: Mapping[str, Sequence[Layer]]) -> None:
    if amount.pattern is None:
        return
    for layer in (layer for each in layers.values() for layer in each):
        if layer.inputs % amount.pattern[1]:
            raise BadTensor(
                f'"{layer.name}" has {layer.inputs} inputs, which cannot be cut into groups of {amount.pattern[1]}. '
                "Name it in `unprunable`."
            )


def _choose(
    group: Sequence[Layer],
    weights: Mapping[str, torch.Tensor],
    grams: Mapping[str, torch.Tensor] | None,
    amount: Amount,
) -> MaskSet:
    """Return the masks of the largest scores, Wanda's where there are Gram matrices."""
    scores: Mapping[str, torch.Tensor] = {name: weight.abs() for name, weight in weights.items()}
    if grams is not None:
        scores = wanda(weights, {name: grams[name].diagonal().sqrt() for name in weights})
    masks = amount.choose(scores)
    return MaskSet.from_tensors({layer.name: layer.turned(masks[layer.name]) for layer in group})


def _solve(
    group: Sequence[Layer], grams: Mapping[str, torch.Tensor], amount: Amount, columns: int, dampening: float
) -> MaskSet:
    """Give the layers SparseGPT's weights and return the masks."""
    masks: dict[str, torch.Tensor] = {}
    for layer in group:
        try:
            matrix, mask = solve(layer.matrix(), grams[layer.name], amount, columns, dampening)
        except BadTensor as problem:
            raise BadTensor(f'"{layer.name}": {problem}') from problem
        layer.write(matrix)
        masks[layer.name] = layer.turned(mask)
    return MaskSet.from_tensors(masks)


def _report(layer: Layer, before: torch.Tensor, gram: torch.Tensor, masks: MaskSet) -> LayerReport:
    lost, whole = _energy(before - layer.matrix(), gram), _energy(before, gram)
    return LayerReport(layer.name, masks.count(layer.name), masks.size(layer.name), lost / whole if whole else 0.0)


def _energy(matrix: torch.Tensor, gram: torch.Tensor) -> float:
    """Return ‖X Mᵀ‖² = tr(M XᵀX Mᵀ)."""
    return max(((matrix @ gram) * matrix).sum().item(), 0.0)


def _union(parts: Sequence[MaskSet]) -> MaskSet:
    bits = {name: masks.packed(name) for masks in parts for name in masks}
    shapes = {name: masks.shapes[name] for masks in parts for name in masks}
    return MaskSet(bits, shapes)
