"""The one door through which weights are selected."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pruneproof import _engine
from pruneproof.api import Allocation, Selection
from pruneproof.errors import BadConfig, BadPlugin, BadTensor, InfeasibleSelection, UnknownName
from pruneproof.selection.allocate import ALLOCATIONS
from pruneproof.selection.arrays import Flat, Tensor, flatten
from pruneproof.selection.floors import fit, limit_floors
from pruneproof.selection.historic import historic_bits
from pruneproof.selection.prunable import prunable
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet

_EXACT = Selection()
_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def select_masks(
    scores: Mapping[str, Tensor],
    *,
    sparsity: float | None = None,
    keep: int | None = None,
    selection: Selection = _EXACT,
    weights: Mapping[str, Tensor] | None = None,
    allocation: Allocation | None = None,
    allocation_options: Mapping[str, Any] = _NO_OPTIONS,
    alive: MaskSet | None = None,
) -> MaskSet:
    """Return the mask of the weights that survive.

    The prunable weights are those of `scores`, without the names that match `selection.unprunable`, which stay dense
    and do not count. Of N prunable weights exactly N - floor(sparsity · N) are kept, larger scores first, ties by
    (name, flat index). With the scope `global` all tensors share one ranking; with another the allocation splits the
    budget and each tensor is ranked by itself. Neither the thread count nor the order of `scores` changes a bit of the
    answer, except where an allocation asks for the first and last tensor.

    A `preset` other than `exact` and the floor mode `released` follow a published code, whose count is not exact. They
    fix counting and ties of the global scope, so they take no allocation; a preset takes no floor, `released` takes no
    `alive`.

    >>> scores = {"a": np.array([0.9, 0.1]), "b": np.array([[0.5, 0.2], [0.2, 0.3]])}
    >>> masks = select_masks(scores, sparsity=0.5)
    >>> masks.array("a").tolist(), masks.array("b").tolist(), masks.threshold
    ([True, False], [[True, False], [False, True]], 0.3)

    Args:
        scores: name -> score of each weight (torch on any device, or numpy; float16, bfloat16, float32, float64).
        sparsity: cumulative fraction of the prunable weights to remove, in [0, 1).
        keep: number of prunable weights to keep; exactly one of `sparsity` and `keep` is given.
        selection: scope, preset, floor and unprunable names.
        weights: what the allocation looks at; the scores when None.
        allocation: the rule that `selection.scope` names; looked up among the built-in ones when None.
        allocation_options: keyword arguments of the allocation.
        alive: the mask so far; what it has pruned stays pruned, so masks of rising sparsity are nested.

    Raises:
        BadConfig: the arguments contradict each other, or the sparsity is out of range.
        BadTensor: NaN, or a dtype or shape that does not fit.
        InfeasibleSelection: no mask has that count and those floors.
        UnknownName: an unknown scope or preset.
        BadPlugin: an allocation that does not spend the budget exactly.
    """
    names = prunable(scores, selection.unprunable)
    flat = flatten({name: scores[name] for name in names})
    sizes = {name: array.size for name, array in flat.arrays.items()}
    budget, fraction = _budget(sum(sizes.values()), sparsity, keep)
    living = _alive_bits(alive, flat)
    available = sizes if alive is None else {name: alive.count(name) for name in names}
    if budget > sum(available.values()):
        raise InfeasibleSelection(
            f"{budget} weights are to be kept but only {sum(available.values())} are alive. "
            "Pruned weights stay pruned: ask for at least the sparsity of the mask so far."
        )

    threshold = None
    bits: Mapping[str, NDArray[np.uint8]]
    if selection.preset != "exact" or selection.floor_mode == "released":
        bits = historic_bits(flat, selection, fraction, alive)
    elif selection.scope == "global":
        floors = limit_floors(selection.floor, available, budget, sum(sizes.values()))
        bits, _, threshold = _engine.select(flat.arrays, budget, dtype=flat.dtype, floors=floors, alive=living)
    else:
        rule = _allocation(selection.scope, allocation)
        seen = _checked_weights(scores if weights is None else weights, flat)
        counts = _checked_counts(rule, rule.counts(seen, budget, **allocation_options), sizes, budget)
        floors = limit_floors(selection.floor, available, budget, sum(sizes.values()))
        counts = fit(counts, floors, available, budget)
        bits, _, _ = _engine.select_each(flat.arrays, counts, dtype=flat.dtype, alive=living)

    shapes = {name: tuple(tensor.shape) for name, tensor in scores.items()}
    dense = {name: shape for name, shape in shapes.items() if name not in bits}
    untouched = MaskSet.dense(dense)
    return MaskSet({**bits, **{name: untouched.packed(name) for name in dense}}, shapes, threshold=threshold)


def _budget(size: int, sparsity: float | None, keep: int | None) -> tuple[int, float]:
    """Return how many of `size` weights to keep, and the sparsity that says so."""
    if sparsity is not None and keep is None:
        return keep_count(size, sparsity), sparsity
    if keep is not None and sparsity is None:
        if not 0 <= keep <= size:
            raise InfeasibleSelection(f"{keep} weights are to be kept; a number from 0 to {size} was expected.")
        return keep, 1.0 - keep / (size or 1)
    raise BadConfig("select_masks needs exactly one of `sparsity` and `keep`.")


def _alive_bits(alive: MaskSet | None, flat: Flat) -> dict[str, NDArray[np.uint8]] | None:
    if alive is None:
        return None
    for name, shape in flat.shapes.items():
        if alive.shapes.get(name) != shape:
            raise BadTensor(
                f'the mask so far has shape {alive.shapes.get(name)} for "{name}"; its scores have {shape}.'
            )
    return {name: alive.packed(name) for name in flat.arrays}


def _allocation(scope: str, allocation: Allocation | None) -> Allocation:
    if allocation is None:
        known = {each.id: each for each in ALLOCATIONS}
        if scope not in known:
            raise UnknownName.among("scope", scope, ["global", *known])
        return known[scope]
    if allocation.id != scope:
        raise BadConfig(f'the scope is "{scope}" but the allocation "{allocation.id}" was passed.')
    return allocation


def _checked_weights(weights: Mapping[str, Tensor], flat: Flat) -> dict[str, Tensor]:
    for name, shape in flat.shapes.items():
        found = tuple(weights[name].shape) if name in weights else None
        if found != shape:
            raise BadTensor(f'the weights of "{name}" have shape {found}; its scores have {shape}.')
    return {name: weights[name] for name in flat.arrays}


def _checked_counts(
    rule: Allocation, counts: Mapping[str, int], sizes: Mapping[str, int], keep: int
) -> Mapping[str, int]:
    if set(counts) != set(sizes):
        raise BadPlugin(f'allocation "{rule.id}" answered for {sorted(counts)}; {sorted(sizes)} were asked.')
    for name, count in counts.items():
        if not 0 <= count <= sizes[name]:
            raise BadPlugin(f'allocation "{rule.id}" keeps {count} weights of "{name}", which has {sizes[name]}.')
    if sum(counts.values()) != keep:
        raise BadPlugin(f'allocation "{rule.id}" keeps {sum(counts.values())} weights in all; {keep} were to be kept.')
    return counts
