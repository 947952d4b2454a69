"""`select`: the best weights of anybody's tensors in one call, outside any paper."""

import warnings
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from numbers import Integral
from typing import Any, get_args

import torch
from pydantic import ValidationError

from pruneproof.contracts.selection import Reduction, Selection
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.selection.amount import Amount, share
from pruneproof.selection.arrays import taken
from pruneproof.selection.candidates import NEED_GRADIENTS, Candidates, Score, check_gradients
from pruneproof.selection.given import named_tensors
from pruneproof.selection.rules import PLAIN, Rules, installed, resolve
from pruneproof.selection.select import EXACT, select_candidates, with_dense
from pruneproof.values.masks import MaskSet


def select(
    tensors: Mapping[str, Any] | torch.nn.Module,
    *amount: object,
    sparsity: float | Decimal | Fraction | None = None,
    keep: int | None = None,
    score: Score = "magnitude",
    gradients: Mapping[str, Any] | None = None,
    scope: str = "global",
    structure: str = "weight",
    reduce: Reduction = "l1",
    axis: int = 1,
    floor: int | Mapping[str, int] = 0,
    count: str = "exact",
    include: Sequence[str] = (),
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
        tensors: name -> weights (or scores, see `score`), torch on any device, NumPy, or what has `__dlpack__` or
            `__array__`; float16, bfloat16, float32 or float64. Or a module, of which the matrices that multiply
            features are taken: those of linear, convolution, attention and recurrent layers, and of modules of other
            classes what is not named as an embedding, a bias or the like. Embeddings, heads tied to them and the
            factors of adapters are left out, and a warning names them. Weights that are one memory are one, under the
            first name.
        amount: nothing; an amount is given by name.
        sparsity: fraction of the units that compete to remove, in [0, 1); 0.9 in whatever kind of number is 0.9.
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
        include: glob patterns of the names that compete, in place of the rule for modules and of all in a mapping.
        unprunable: glob patterns of names that are kept whole and do not count.
        alive: the mask so far, the parent of the answer; what it has pruned stays pruned. A block is alive as long as
            one of its weights is, and its dead weights score 0.
        selection: all of scope to unprunable as one value, in place of these arguments.
        example: an input of the module, for structures that follow it (`coupled`).

    Raises:
        BadConfig: arguments that contradict each other, or a sparsity out of range.
        BadTensor: NaN, or a dtype or shape that does not fit.
        InfeasibleSelection: no mask has that count and those floors.
        UnknownName: an unknown score, scope, structure, reduce or count.
    """
    if amount:
        raise BadConfig(f"{amount[0]!r:.80} is given without a name. Write sparsity={amount[0]!r:.80} or keep=NUMBER.")
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
    given = named_tensors(tensors, _patterns(include), asked.unprunable, once=score != "given")
    module = tensors if isinstance(tensors, torch.nn.Module) else None
    if gradients is None and score in NEED_GRADIENTS and module is not None:
        gradients = {
            name: each.grad for name, each in module.named_parameters(remove_duplicate=False) if each.grad is not None
        }
    slopes = check_gradients(None if gradients is None else taken(gradients), given.ranked, score)
    found = Candidates(given.ranked, score, slopes, alive, in_order=True)
    masks = select_candidates(
        found, Amount(share("sparsity", sparsity), keep), asked, rules, module=module, example=example
    )
    _warn(given.left_out, found)
    if given.whole:
        masks = with_dense(masks, given.whole)
    return masks if alive is None else masks.with_parent(alive)


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
    if not isinstance(floor, Mapping) and not (isinstance(floor, Integral) and floor >= 0):
        raise BadConfig(
            f"floor {floor!r:.80} is out of range: a number from 0, or such numbers by name, were expected."
        )
    if isinstance(floor, Mapping):
        return _built(scope, structure, reduce, axis, tuple(floor.items()), count, _patterns(unprunable))
    return _built(scope, structure, reduce, axis, floor, count, _patterns(unprunable))


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


def _patterns(given: Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _warn(left_out: str, found: Candidates) -> None:
    copied = (
        f"{', '.join(sorted(found.copied))}: not contiguous, so copied before they are ranked. "
        "Pass contiguous tensors to save time and memory."
    )
    for said in (left_out, copied if found.copied else ""):
        if said:
            warnings.warn(said, stacklevel=3)  # who called `select`
