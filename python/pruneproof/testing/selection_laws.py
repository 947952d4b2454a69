"""What every way to select by scores obeys. N is the number of weights, k = N - floor(sparsity N) of them are kept."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pruneproof.api import Selection
from pruneproof.selection import naive
from pruneproof.testing.law import law, require
from pruneproof.testing.strategies import Budget
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet

Select = Callable[..., MaskSet]
"""A function with the signature of `pruneproof.selection.select.select_masks`."""
ADVICE = "compare with pruneproof.selection.naive.select, which is short."


def count_exact(select: Select, budget: Budget) -> None:
    """|mask| = k for a sparsity, and for a number to keep."""
    scores, size = budget.weights(), sum(budget.sizes)
    for sparsity in (0.0, 0.29, 0.5, 0.9):
        found, expected = select(scores, sparsity=sparsity).count(), keep_count(size, sparsity)
        require(
            found == expected, f"{found} of {size} survive at {sparsity} instead of {expected}", "see units.keep_count."
        )
    found = select(scores, keep=budget.keep).count()
    require(found == budget.keep, f"{found} of {size} survive", ADVICE)


def best_kept(select: Select, budget: Budget) -> None:
    """The mask holds the first k of all weights ranked by (score descending, name, index)."""
    scores = budget.weights()
    _require_masks(select(scores, keep=budget.keep), naive.select(_rows(scores), budget.keep))


def nested(select: Select, budget: Budget) -> None:
    """mask(s') ⊆ mask(s) for s <= s'; and mask(scores', s', alive=mask(s)) ⊆ mask(s) for other scores'."""
    scores = budget.weights()
    other = {name: -each for name, each in scores.items()}
    before = select(scores, sparsity=0.0)
    for sparsity in (0.3, 0.6, 0.9):
        masks = select(scores, sparsity=sparsity)
        require(masks.is_subset_of(before), f"a weight comes alive again at {sparsity}", ADVICE)
        onward = select(other, sparsity=sparsity, alive=before)
        require(onward.is_subset_of(before), f"a dead weight is revived at {sparsity}", "rank only what is alive.")
        before = masks


def floors_honoured(select: Select, budget: Budget) -> None:
    """With floor f each tensor keeps its min(f, n_l) best; the others follow in the ranking of all, k in all."""
    scores = budget.weights()
    floors = {name: min(budget.floor, each.size) for name, each in scores.items()}
    found = select(scores, keep=budget.keep, selection=Selection(floor={"id": "count", "least": budget.floor}))
    _require_masks(found, naive.select(_rows(scores), budget.keep, floors))


def order_irrelevant(select: Select, budget: Budget) -> None:
    """The mask is the same whatever the order of the tensors."""
    scores = budget.weights()
    left, right = select(scores, keep=budget.keep), select(dict(reversed(scores.items())), keep=budget.keep)
    require(
        left == right, f"{left.hamming(right)} weights differ in reverse order", "break ties by name, then by index."
    )


def inputs_untouched(select: Select, budget: Budget) -> None:
    """The scores have the same bits after the call."""
    scores = budget.weights()
    select(scores, keep=budget.keep)
    for name, before in budget.weights().items():
        require(np.array_equal(scores[name], before), f'"{name}" was written to', "copy before you alter.")


def _rows(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each.reshape(-1) for name, each in scores.items()}


def _require_masks(found: MaskSet, expected: naive.Flags | None) -> None:
    assert expected is not None
    for name, right in expected.items():
        left = found.array(name).reshape(-1)
        wrong = np.flatnonzero(left != right)
        if wrong.size:
            fate = "kept" if left[wrong[0]] else "dropped"
            require(False, f'weight {wrong[0]} of "{name}" is {fate}', ADVICE)


LAWS = (
    law(count_exact),
    law(best_kept),
    law(nested),
    law(floors_honoured),
    law(order_irrelevant),
    law(inputs_untouched),
)
