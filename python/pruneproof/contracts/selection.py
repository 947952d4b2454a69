"""`Selection`: everything that decides which weights survive, apart from the scores and the amount."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from pruneproof.contracts.choice import Choice, Chosen, Frozen, chosen

Reduction = Literal["l1", "l2", "mean", "abs-of-sum", "sum"]
Ties = Literal["first", "last"]


def structure_of(value: Any) -> Any:
    """Return the long form of a structure; `2:4` and `4x2` are short for N:M and for blocks.

    >>> structure_of("2:4"), structure_of("4x2"), structure_of("filter")
    ({'id': 'n-of-m', 'keep': 2, 'group': 4}, {'id': 'block', 'sides': [4, 2]}, 'filter')
    """
    if isinstance(value, dict) and value.keys() <= {"id", "options"} and not value.get("options"):
        value = value.get("id", value)
    if isinstance(value, str):
        if found := re.fullmatch(r"([1-9]\d{0,8}):([1-9]\d{0,8})", value):
            return {"id": "n-of-m", "keep": int(found[1]), "group": int(found[2])}
        if re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", value):
            return {"id": "block", "sides": [int(side) for side in value.split("x")]}
    return value


class Selection(Frozen):
    """What competes with what, in which units, by which count, and what is safe from it.

    >>> Selection(scope="erk", structure="2:4").structure
    Choice(id='n-of-m', options={'keep': 2, 'group': 4})
    """

    scope: Chosen = Choice(id="global")
    """Which units compete: `global`, one ranking over all tensors; `tensor`, each tensor by itself at the same
    sparsity; `row`, each output unit (dimension 0) by itself; or an allocation's id, which splits one budget over the
    tensors."""
    structure: Annotated[Chosen, BeforeValidator(lambda value: chosen(structure_of(value)))] = Choice(id="weight")
    """What lives and dies together: `weight`, `filter`, `row`, `2:4`, `4x2`, or a structure's id."""
    reduce: Reduction = "l1"
    """How the scores of a unit's weights become its score: sum of absolute values, root of the sum of squares, mean,
    absolute value of the sum, or the sum with its sign."""
    floor: Chosen = Choice(id="none")
    """Minimum survivors of each tensor: `none`, or a floor's id."""
    count: Chosen = Choice(id="exact")
    """How many units a sparsity removes: `exact`, N - floor(sparsity N) stay; or a counting rule's id."""
    ties: Ties = "first"
    """Which of equal scores stay: the first by (tensor name, flat index), or the last."""
    unprunable: tuple[str, ...] = ()
    """Glob patterns of state-dict names that are kept whole and do not count as prunable."""
