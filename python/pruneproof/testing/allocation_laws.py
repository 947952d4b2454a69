"""What every allocation obeys. n_l is the size of tensor l, k the budget, c_l the counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from hypothesis import assume

from pruneproof.api import Allocation, Selection
from pruneproof.errors import PruneproofError
from pruneproof.selection.amount import Amount
from pruneproof.selection.candidates import Candidates
from pruneproof.selection.rules import Rules, installed, resolve
from pruneproof.selection.select import select_candidates
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.strategies import Budget


def names_and_whole_numbers(allocation: Allocation, budget: Budget) -> None:
    """C is defined for just the names of the weights, and c_l is an int."""
    weights = budget.weights()
    counts = _counts(allocation, weights, budget.keep)
    advice = "return {name: int} for each of `weights`."
    require(isinstance(counts, Mapping), f"a {type(counts).__name__}", advice)
    require(set(counts) == set(weights), f"counts for {sorted(map(str, counts))} of {sorted(weights)}", advice)
    for name, count in counts.items():
        require(type(count) is int, f'{count!r} of type {type(count).__name__} for "{name}"', advice)


def total_exact(allocation: Allocation, budget: Budget) -> None:
    """Σ_l c_l = k."""
    counts = _counts(allocation, budget.weights(), budget.keep)
    total = sum(counts.values())
    require(
        total == budget.keep,
        f"{total} weights in all, from {dict(counts)}",
        "round by largest remainder, not each for itself.",
    )


def within_size(allocation: Allocation, budget: Budget) -> None:
    """0 <= c_l <= n_l."""
    weights = budget.weights()
    for name, count in _counts(allocation, weights, budget.keep).items():
        advice = "make a tensor dense where its share exceeds its size, and split the rest over the others again."
        require(0 <= count <= weights[name].size, f'{count} of the {weights[name].size} weights of "{name}"', advice)


def reproducible(allocation: Allocation, budget: Budget) -> None:
    """Two calls give equal counts, whatever the state of the global generators, and leave these where they are."""
    weights = budget.weights()
    before = surroundings.generator_states()
    first = dict(_counts(allocation, weights, budget.keep))
    advice = "make the counts a function of weights, budget and options alone."
    require(surroundings.generator_states() == before, "a global random generator moved", advice)
    surroundings.stir()
    again = dict(_counts(allocation, weights, budget.keep))
    require(first == again, f"{first}, then {again}", advice)


def inputs_untouched(allocation: Allocation, budget: Budget) -> None:
    """The weights have the same names, order and bits after the call."""
    weights = budget.weights()
    _counts(allocation, weights, budget.keep)
    same = list(weights) == list(budget.weights())
    require(same, "the mapping of weights was altered", "leave the mapping that you are given alone.")
    for name, before in budget.weights().items():
        require(np.array_equal(weights[name], before), f'"{name}" was written to', "copy before you alter.")


def order_irrelevant(allocation: Allocation, budget: Budget) -> None:
    """C is the same whatever the order of the tensors."""
    weights = budget.weights()
    first = dict(_counts(allocation, weights, budget.keep))
    turned = dict(_counts(allocation, dict(reversed(weights.items())), budget.keep))
    advice = "break ties by name; if first and last mean something, declare it in `expected_failures`."
    require(first == turned, f"{first}, and in reverse order {turned}", advice)


def numpy_and_torch_agree(allocation: Allocation, budget: Budget) -> None:
    """C is the same for weights as numpy arrays and as torch tensors."""
    weights = budget.weights()
    first = dict(_counts(allocation, weights, budget.keep))
    as_torch = {name: torch.from_numpy(each) for name, each in weights.items()}
    second = dict(_counts(allocation, as_torch, budget.keep))
    require(first == second, f"{first} from numpy, {second} from torch", "use `shape`, which both have alike.")


def floors_honoured(allocation: Allocation, budget: Budget) -> None:
    """As a scope with floor f: min(f, n_l) of each tensor survive, and k in all."""
    masks, weights = _masks(allocation, budget), budget.weights()
    require(masks.count() == budget.keep, f"{masks.count()} survivors", "keep the total exact.")
    for name, each in weights.items():
        found, least = masks.count(name), min(budget.floor, each.size)
        require(
            found >= least, f'{found} survivors in "{name}", the floor is {least}', "answer within the tensors' sizes."
        )


def ties_by_index(allocation: Allocation, budget: Budget) -> None:
    """As a scope: no dropped score of a tensor beats a kept one of it, and of equal scores the first survive."""
    masks = _masks(allocation, budget)
    for name, scores in budget.weights().items():
        best = np.argsort(-scores.reshape(-1), kind="stable")[: masks.count(name)]
        kept = np.flatnonzero(masks.array(name))
        advice = "an allocation gives counts only; selection ranks within each tensor."
        require(
            np.array_equal(np.sort(best), kept), f'"{name}" keeps {kept.tolist()} instead of {sorted(best)}', advice
        )


def _counts(allocation: Allocation, weights: Mapping[str, Any], keep: int) -> Any:
    """Ask the allocation; a budget that it refuses by one of pruneproof's errors says nothing about a law."""
    options = allocation.example(weights, keep) if allocation.example else {}
    try:
        return allocation.counts(weights, keep, **options)
    except PruneproofError:
        assume(False)


def _masks(allocation: Allocation, budget: Budget) -> Any:
    _counts(allocation, budget.weights(), budget.keep)
    weights = budget.weights()
    options = allocation.example(weights, budget.keep) if allocation.example else {}
    selection = Selection(scope={"id": allocation.id, "options": options}, floor={"id": "count", "least": budget.floor})
    rules = Rules(allocation=allocation, floor=resolve(Selection(floor=selection.floor), installed).floor)
    return select_candidates(Candidates(dict(weights)), Amount(keep=budget.keep), selection, rules)


LAWS = (
    law(names_and_whole_numbers),
    law(total_exact),
    law(within_size),
    law(reproducible),
    law(inputs_untouched),
    law(order_irrelevant),
    law(numpy_and_torch_agree),
    law(floors_honoured),
    law(ties_by_index),
)
