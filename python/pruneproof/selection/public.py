"""`select`: the best weights of anybody's tensors in one call, outside any paper."""

import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, get_args

import torch
from pydantic import ValidationError

from pruneproof.contracts.model import conv_and_linear
from pruneproof.contracts.selection import Reduction, Selection
from pruneproof.errors import BadConfig, BadTensor, UnknownName
from pruneproof.selection.amount import Amount
from pruneproof.selection.arrays import Tensor
from pruneproof.selection.candidates import NEED_GRADIENTS, Candidates, Score, check_gradients
from pruneproof.selection.prunable import prunable
from pruneproof.selection.rules import PLAIN, Rules, installed, resolve
from pruneproof.selection.select import EXACT, select_candidates, with_dense
from pruneproof.values.masks import MaskSet


def select(
    tensors: Mapping[str, Tensor] | torch.nn.Module,
    *,
    sparsity: float | None = None,
    keep: int | None = None,
    score: Score = "magnitude",
    gradients: Mapping[str, Tensor] | None = None,
    scope: str = "global",
    structure: str = "weight",
    reduce: Reduction = "l1",
    axis: int = 1,
    floor: int | Mapping[str, int] = 0,
    count: str = "exact",
    unprunable: Sequence[str] = (),
    alive: MaskSet | None = None,
    selection: Selection | None = None,
    example: torch.Tensor | None = None,
) -> MaskSet:
    """Return the mask of the weights that survive: an exact count, whatever the ties, dtypes and number of threads.

    Units compete by score, larger first; ties go to the lower name, then to the lower flat index. Of N units exactly
    N - floor(sparsity · N) are kept. The scores are never stored, and contiguous tensors on the CPU are borrowed, not
    copied. The model stays as it is; `MaskSet.apply_` sets the dead weights to zero.

    >>> import torch
    >>> weights = {"fc1.weight": torch.tensor([[3.0, -1.0], [0.5, 2.0]]), "fc2.weight": torch.tensor([[-0.1, 4.0]])}
    >>> masks = select(weights, sparsity=0.5)
    >>> masks["fc1.weight"].tolist(), masks.count(), masks.threshold
    ([[True, False], [False, True]], 3, 2.0)
    >>> select(weights, scope="row", sparsity=0.5)["fc1.weight"].tolist()
    [[True, False], [False, True]]
    >>> select(weights, structure="1:2")["fc2.weight"].tolist()
    [[False, True]]
    >>> select(weights, structure="filter", keep=2, reduce="l2").count("fc1.weight")
    2

    Args:
        tensors: name -> weights (or scores, see `score`), torch on any device or numpy, float16, bfloat16, float32 or
            float64; or a module, whose convolution and linear weights are taken.
        sparsity: fraction of the units that compete to remove, in [0, 1).
        keep: number of the units that compete to keep; exactly one of `sparsity` and `keep` is given, and neither with
            an N:M structure, which says it itself.
        score: `magnitude` |w|; `magnitude-squared` w²; `sensitivity` |w · g| (SNIP: Lee, Ajanthan and Torr 2019, up to
            its normalisation); `sensitivity-squared` (w · g)² (Molchanov et al. 2019, eq. 8);
            `normalised-magnitude` |w| / ‖W‖₂ of its tensor, in float64; `given`: the tensors are the scores.
        gradients: name -> g, for the sensitivities; of a module its `.grad` where None.
        scope: which units compete: `global` all, `tensor` those of a tensor, `row` those of an output unit (dimension
            0); or an allocation that splits one budget over the tensors: `uniform`, `uniform-plus`, `erk`, `lamp`.
        structure: the unit: `weight`; `filter`, a whole output unit; `row`, a run along the last dimension; `4x2`,
            blocks
            of that many rows and columns (as many sides as the tensors have dimensions); `2:4`, of every 4 neighbours
            along `axis` the best 2 weights; `coupled`, filters with all that dies with them (of a module).
        reduce: how a unit's scores become one: `l1` sum of absolute values, `l2` root of the sum of squares, `mean`,
            `abs-of-sum` absolute value of the sum, `sum` the sum with its sign.
        axis: the dimension along which N:M counts; its size must be a multiple of M. Others than the last are copied.
        floor: least number of units that each tensor keeps (all of a smaller one); or name -> number.
        count: how many units a sparsity removes: `exact`, or the rule of a published code.
        unprunable: glob patterns of names that are kept whole and do not count.
        alive: the mask so far; what it has pruned stays pruned. A block is alive as long as one of its weights is, and
            its dead weights score 0.
        selection: all of scope to unprunable as one value, in place of these arguments.
        example: an input of the module, for structures that follow it (`coupled`).

    Raises:
        BadConfig: arguments that contradict each other, or a sparsity out of range.
        BadTensor: NaN, or a dtype or shape that does not fit.
        InfeasibleSelection: no mask has that count and those floors.
        UnknownName: an unknown score, scope, structure, reduce or count.
    """
    if score not in get_args(Score):
        raise UnknownName.among("score", score, get_args(Score))
    if reduce not in get_args(Reduction):
        raise UnknownName.among("reduce", reduce, get_args(Reduction))
    asked, rules = _asked(scope, structure, reduce, axis, floor, count, unprunable)
    if selection is not None:
        if asked != EXACT or axis != 1:
            raise BadConfig(
                "`selection` says scope, structure, reduce, axis, floor, count and unprunable. Leave these out."
            )
        asked, rules = selection, resolve(selection, installed)
    named = _by_name(tensors)
    chosen = {name: named[name] for name in prunable(named, asked.unprunable)} if asked.unprunable else named
    module = tensors if isinstance(tensors, torch.nn.Module) else None
    if gradients is None and score in NEED_GRADIENTS and module is not None:
        gradients = {
            name: each.grad for name, each in module.named_parameters(remove_duplicate=False) if each.grad is not None
        }
    found = Candidates(chosen, score, check_gradients(gradients, chosen, score), alive, in_order=True)
    masks = select_candidates(found, Amount(sparsity, keep), asked, rules, module=module, example=example)
    _say_copies(found)
    if chosen is named:
        return masks
    return with_dense(masks, {name: tuple(tensor.shape) for name, tensor in named.items() if name not in chosen})


def _asked(
    scope: str,
    structure: str,
    reduce: Reduction,
    axis: int,
    floor: int | Mapping[str, int],
    count: str,
    unprunable: Sequence[str],
) -> tuple[Selection, Rules]:
    """Return the selection that the arguments describe, and what its ids stand for."""
    if (scope, structure, reduce, floor, count, unprunable) == ("global", "weight", "l1", 0, "exact", ()):
        return EXACT, PLAIN
    if not isinstance(floor, Mapping) and floor < 0:
        raise BadConfig(f"floor {floor} is out of range: a number from 0 was expected.")
    patterns = (unprunable,) if isinstance(unprunable, str) else tuple(unprunable)
    if isinstance(floor, Mapping):
        return _built(scope, structure, reduce, axis, tuple(floor.items()), count, patterns)
    return _built(scope, structure, reduce, axis, floor, count, patterns)


@lru_cache(maxsize=256)
def _built(
    scope: str,
    structure: str,
    reduce: Reduction,
    axis: int,
    floor: int | tuple[tuple[str, int], ...],
    count: str,
    unprunable: tuple[str, ...],
) -> tuple[Selection, Rules]:
    content: dict[str, Any] = {"scope": scope, "structure": structure, "reduce": reduce, "count": count}
    try:
        selection = Selection(**content, unprunable=unprunable)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise BadConfig(f"{first['loc'][0]} {first['input']!r} is not understood: {first['msg']}.") from None
    if selection.structure.id == "n-of-m":
        options = {**selection.structure.options, "axis": axis}
        selection = selection.model_copy(
            update={"structure": selection.structure.model_copy(update={"options": options})}
        )
    if floor:
        least = dict(floor) if isinstance(floor, tuple) else floor
        content = {"id": "count", "options": {"least": least}}
        selection = selection.model_copy(update={"floor": type(selection.floor).model_validate(content)})
    return selection, resolve(selection, installed)


def _by_name(tensors: Mapping[str, Tensor] | torch.nn.Module) -> dict[str, Tensor]:
    """Return the tensors in the order of their names."""
    if isinstance(tensors, torch.nn.Module):
        tensors = _weights_of(tensors)
    if not isinstance(tensors, Mapping):
        raise BadConfig(f"select takes a mapping from names to tensors, or a module; found {type(tensors).__name__}.")
    for name in tensors:
        if not isinstance(name, str):
            raise BadConfig(f"a tensor has the name {name!r:.80}; text was expected.")
    names = sorted(tensors)
    if isinstance(tensors, dict) and names == list(tensors):
        return tensors
    return {name: tensors[name] for name in names}


def _weights_of(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Return the convolution and linear weights of a module."""
    parameters = dict(module.named_parameters(remove_duplicate=False))
    names = conv_and_linear(module)
    if not names:
        raise BadTensor(
            f"the module {type(module).__name__} has no convolution or linear weights. Pass tensors by name instead."
        )
    for name in names:
        if name not in parameters:
            raise BadTensor(
                f'"{name}" is computed, not a parameter of {type(module).__name__}. Remove its parametrization (for '
                "torch's pruning: torch.nn.utils.prune.remove), or pass tensors by name instead."
            )
        if isinstance(parameters[name], torch.nn.parameter.UninitializedParameter):
            raise BadTensor(f'"{name}" has no values yet. Run a batch through the module first.')
    return {name: parameters[name] for name in names}


def _say_copies(found: Candidates) -> None:
    if found.copied:
        warnings.warn(
            f"{', '.join(sorted(found.copied))}: not contiguous, so copied before they are ranked. "
            "Pass contiguous tensors to save time and memory.",
            stacklevel=3,  # who called `select`
        )
