"""The one function that selects: candidates, an amount and a selection in, a mask out."""

from collections.abc import Mapping

import torch

from pruneproof.contracts.selection import Selection
from pruneproof.registry.catalog import Catalog
from pruneproof.selection.amount import Amount
from pruneproof.selection.arrays import Tensor
from pruneproof.selection.candidates import Candidates
from pruneproof.selection.prunable import prunable
from pruneproof.selection.rank import rank
from pruneproof.selection.rules import PLAIN, Rules, installed, resolve
from pruneproof.selection.units import select_units
from pruneproof.values.masks import MaskSet
from pruneproof.values.packed import PackedBuffer

EXACT = Selection()


def select_candidates(
    candidates: Candidates,
    amount: Amount,
    selection: Selection = EXACT,
    rules: Rules = PLAIN,
    *,
    weights: Mapping[str, Tensor] | None = None,
    module: torch.nn.Module | None = None,
    example: torch.Tensor | None = None,
) -> MaskSet:
    """Return the mask of the units that survive.

    Units compete by score, larger first; ties go to the lower name, then to the lower flat index, or the other way
    round. Neither the thread count nor the order of the tensors changes a bit of the answer, except where an allocation
    asks for the first and last tensor.

    Args:
        candidates: the prunable tensors, in the order of the network, how they are scored, and the mask so far.
        amount: how much is kept, of all units or of each tensor or row by the scope.
        selection: scope, structure, reduction, floor, count and ties; its `unprunable` has been applied.
        rules: what the ids of the selection stand for.
        weights: what an allocation looks at; the candidates when None.
        module: the network, for structures that look at it.
        example: an input of the network, for structures that follow it.

    Raises:
        BadConfig: rules that contradict each other, or a sparsity out of range.
        BadTensor: NaN, or a dtype or shape that does not fit.
        InfeasibleSelection: no mask has that count and those floors.
        BadPlugin: a rule that answers what it must not.
    """
    candidates.check_alive()
    if rules.structure is None:
        bits, threshold = rank(candidates, amount, selection, rules, weights)
        if isinstance(bits, PackedBuffer) and candidates.in_order:
            return MaskSet.of_engine(bits, threshold)
        return MaskSet(bits, candidates.shapes, threshold=threshold)
    units, beyond, threshold = select_units(candidates, amount, selection, rules, module, example)
    return MaskSet(units, {**candidates.shapes, **beyond}, threshold=threshold)


def select_masks(
    scores: Mapping[str, Tensor],
    *,
    sparsity: float | None = None,
    keep: int | None = None,
    selection: Selection = EXACT,
    catalog: Catalog | None = None,
    weights: Mapping[str, Tensor] | None = None,
    module: torch.nn.Module | None = None,
    example: torch.Tensor | None = None,
    alive: MaskSet | None = None,
    before: float | None = None,
) -> MaskSet:
    """Return the mask of the weights that survive by their scores: `select_candidates` of scores that are given.

    The prunable weights are those of `scores`, without the names that match `selection.unprunable`, which stay dense
    and do not count. Of N prunable units exactly N - floor(sparsity · N) are kept unless the selection counts
    otherwise.

    >>> import numpy as np
    >>> scores = {"a": np.array([0.9, 0.1]), "b": np.array([[0.5, 0.2], [0.2, 0.3]])}
    >>> masks = select_masks(scores, sparsity=0.5)
    >>> masks.array("a").tolist(), masks.array("b").tolist(), masks.threshold
    ([True, False], [[True, False], [False, True]], 0.3)

    Args:
        scores: name -> score of each weight (torch on any device, or numpy; float16, bfloat16, float32, float64).
        sparsity: cumulative fraction of the prunable units to remove, in [0, 1).
        keep: number of prunable units to keep; exactly one of `sparsity` and `keep` is given.
        selection: scope, structure, reduction, floor, count, ties and unprunable names.
        catalog: where its ids are looked up; all that is installed when None.
        weights: what the allocation looks at; the scores when None.
        module: the network, for structures that look at it.
        example: an input of the network, for structures that follow it.
        alive: the mask so far; what it has pruned stays pruned, so masks of rising sparsity are nested.
        before: the sparsity that `alive` was made for, for counting rules that go from one target to the next; taken
            from what is alive when None.

    Raises:
        UnknownName: an id that nobody registers.
        BadConfig, BadTensor, InfeasibleSelection, BadPlugin: as `select_candidates`.
    """
    names = prunable(scores, selection.unprunable)
    rules = PLAIN if selection is EXACT else resolve(selection, installed if catalog is None else catalog.get)
    found = Candidates({name: scores[name] for name in names}, alive=alive)
    masks = select_candidates(
        found, Amount(sparsity, keep, before), selection, rules, weights=weights, module=module, example=example
    )
    if len(names) == len(scores):
        return masks
    return with_dense(masks, {name: tuple(scores[name].shape) for name in scores if name not in names})


def with_dense(masks: MaskSet, shapes: Mapping[str, tuple[int, ...]]) -> MaskSet:
    """Return the masks with further tensors of `shapes` that are alive as a whole."""
    dense = MaskSet.dense(shapes)
    bits = {**{name: masks.packed(name) for name in masks}, **{name: dense.packed(name) for name in dense}}
    return MaskSet(bits, {**masks.shapes, **shapes}, threshold=masks.threshold)
