"""What every floor obeys. n_l is the number of units of tensor l, k the budget and f_l the floor."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import assume
from numpy.typing import NDArray

from pruneproof.api import Floor, InfeasibleSelection, MaskSet, PruneproofError, Selection
from pruneproof.contracts.functions import ingredients
from pruneproof.selection.amount import Amount
from pruneproof.selection.candidates import Candidates
from pruneproof.selection.rules import Rules, ask
from pruneproof.selection.select import select_candidates
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.strategies import Budget

ANSWER = "return {name: int} for names of `sizes`."


def names_and_whole_numbers(floor: Floor, budget: Budget) -> None:
    """F is defined for names of tensors, f_l a whole number from 0; for each tensor and f_l <= n_l if it is final."""
    sizes = _sizes(budget)
    floors = _floors(floor, budget)
    require(isinstance(floors, Mapping), f"a {type(floors).__name__}", ANSWER)
    require(set(floors) <= set(sizes), f"floors for {sorted(map(str, floors))} of {sorted(sizes)}", ANSWER)
    for name, least in floors.items():
        whole = isinstance(least, int | np.integer) and not isinstance(least, bool)
        require(whole and least >= 0, f'{least!r} of type {type(least).__name__} for "{name}"', ANSWER)
    if floor.final:
        advice = "a final floor says for every tensor how many of its units stay."
        require(set(floors) == set(sizes), f"floors for {sorted(floors)} of {sorted(sizes)}", advice)
        over = [
            f'{floors[name]} of the {size} units of "{name}"' for name, size in sizes.items() if floors[name] > size
        ]
        require(not over, ", ".join(over), advice)


def floors_honoured(floor: Floor, budget: Budget) -> None:
    """min(f_l, n_l) of each tensor survive a selection; just f_l where the floor is final."""
    floors, masks = _selected(floor, budget)
    for name, size in _sizes(budget).items():
        found, least = masks.count(name), min(floors.get(name, 0), size)
        advice = "answer the same whenever you are asked the same."
        holds = found == least if floor.final else found >= least
        require(holds, f'{found} survivors in "{name}", the floor is {least}', advice)


def total_exact(floor: Floor, budget: Budget) -> None:
    """K units survive in all."""
    _, masks = _selected(floor, budget)
    require(
        masks.count() == budget.keep,
        f"{masks.count()} survivors instead of {budget.keep}",
        "say `final=True` if the rule decides the total.",
    )


def best_safe(floor: Floor, budget: Budget) -> None:
    """The first min(f_l, n_l) units of each tensor by (score descending, index) survive; no others if it is final."""
    floors, masks = _selected(floor, budget)
    for name, scores in _flat(budget).items():
        best = set(np.argsort(-scores, kind="stable")[: floors.get(name, 0)].tolist())
        kept = set(np.flatnonzero(masks.array(name)).tolist())
        advice = "a floor gives numbers only, and leaves the scores alone; selection ranks."
        safe = best == kept if floor.final else best <= kept
        require(safe, f'"{name}" keeps {sorted(kept)}, its best are {sorted(best)}', advice)


def reproducible(floor: Floor, budget: Budget) -> None:
    """Two calls give equal floors, whatever the state of the global generators, and leave these where they are."""
    before = surroundings.generator_states()
    first = dict(_floors(floor, budget))
    advice = "make the floors a function of the ingredients and options alone."
    require(surroundings.generator_states() == before, "a global random generator moved", advice)
    surroundings.stir()
    again = dict(_floors(floor, budget))
    require(first == again, f"{first}, then {again}", advice)


def order_irrelevant(floor: Floor, budget: Budget) -> None:
    """F is the same whatever the order of the tensors."""
    first, turned = dict(_floors(floor, budget)), dict(_floors(floor, budget, turned=True))
    require(first == turned, f"{first}, and in reverse order {turned}", "treat tensors by name.")


def inputs_untouched(floor: Floor, budget: Budget) -> None:
    """The mappings that it is given have the same names, and the scores the same bits, after the call."""
    sizes, scores = _sizes(budget), _flat(budget)
    _floors(floor, budget, sizes=sizes, scores=scores)
    same = sizes == _sizes(budget) and list(scores) == list(_flat(budget))
    require(same, "the mapping of sizes or scores was altered", "leave the mappings that you are given alone.")
    for name, before in _flat(budget).items():
        written = not np.array_equal(scores[name], before)
        require(not written, f'the scores of "{name}" were written to', "copy before you sort or alter.")


def _sizes(budget: Budget) -> dict[str, int]:
    return {name: each.size for name, each in budget.weights().items()}


def _flat(budget: Budget) -> dict[str, NDArray[np.float32]]:
    return {name: np.abs(each).reshape(-1) for name, each in budget.weights().items()}


def _floors(
    floor: Floor,
    budget: Budget,
    *,
    turned: bool = False,
    sizes: dict[str, int] | None = None,
    scores: dict[str, NDArray[np.float32]] | None = None,
) -> Any:
    """Ask the floor; what it refuses by one of pruneproof's errors says nothing about a law."""
    sizes = _sizes(budget) if sizes is None else sizes
    scores = _flat(budget) if scores is None else scores
    if turned:
        sizes, scores = dict(reversed(sizes.items())), dict(reversed(scores.items()))
    given = {
        "sizes": lambda: sizes,
        "sparsity": lambda: (sum(sizes.values()) - budget.keep) / (sum(sizes.values()) or 1),
        "scores": lambda: scores,
    }
    try:
        return ask(floor.least, given, {})
    except PruneproofError:
        assume(False)


def _selected(floor: Floor, budget: Budget) -> tuple[dict[str, int], MaskSet]:
    """Return the floors and the mask of a selection with them; a budget below the floors says nothing about a law."""
    floors = dict(_floors(floor, budget))
    scores = {name: np.abs(each) for name, each in budget.weights().items()}
    selection = Selection(floor={"id": floor.id})
    try:
        masks = select_candidates(Candidates(dict(scores)), Amount(keep=budget.keep), selection, Rules(floor=floor))
    except InfeasibleSelection:
        assume(False)
    return floors, masks


def _is_final(floor: Floor) -> str:
    return "the floor is final, and the total is its own" if floor.final else ""


def _sees_one_at_most(floor: Floor) -> str:
    seen = {"sizes", "scores"} & set(ingredients(floor.least))
    return "" if seen else "it asks for neither sizes nor scores"


LAWS = (
    law(names_and_whole_numbers),
    law(floors_honoured),
    law(total_exact, skip=_is_final),
    law(best_safe),
    law(reproducible),
    law(order_irrelevant),
    law(inputs_untouched, skip=_sees_one_at_most),
)
