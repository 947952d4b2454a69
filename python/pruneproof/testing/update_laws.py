"""What every update obeys, and what it may claim. U is the update; θ, m and g weights, mask and dense gradient."""

from collections.abc import Mapping
from typing import Any

import torch
from hypothesis import assume

from pruneproof.api import Update
from pruneproof.contracts.functions import ingredients
from pruneproof.testing import surroundings
from pruneproof.testing.law import Law, law, require
from pruneproof.testing.masked import (
    Masked,
    asked,
    first_difference,
    require_generators_untouched,
    require_untouched,
)

FORM = "return {name: mask} with one bool tensor of the weight's shape for each of `weights`."
DRAW = "draw only from the ingredient `rng`, and keep nothing between two calls."


def names_and_shapes(update: Update, case: Masked) -> None:
    """U(θ, m, g) is defined for just the names of the weights, each a bool tensor of its weight's shape."""
    _require_masks(_moved(update, case), case)


def full_and_empty(update: Update, case: Masked) -> None:
    """U answers with masks where tensors are all alive, all dead, or hold no weight."""
    assume(case.alive in ("all", "none") or any(not mask.numel() for mask in case.masks.values()))
    _require_masks(_moved(update, case), case)


def count_kept(update: Update, case: Masked) -> None:
    """|U(m)_l| = |m_l| for each tensor l."""
    for name, mask in _moved(update, case).items():
        before, after = int(case.masks[name].sum()), int(mask.sum())
        advice = "grow as many as you drop, by tensor; or say keeps_count=False."
        require(after == before, f'{after} weights of "{name}" are alive instead of {before}', advice)


def no_revival(update: Update, case: Masked) -> None:
    """U(m) ⊆ m."""
    for name, mask in _moved(update, case).items():
        back = int((mask & ~case.masks[name]).sum())
        require(not back, f'{back} dead weights of "{name}" came back', "drop only; or say revives=True.")


def deterministic(update: Update, case: Masked) -> None:
    """U(x, seed) = U(x, seed), whatever the state of the global random generators."""
    first = _moved(update, case, seed=3)
    surroundings.stir()
    different = first_difference(first, _moved(update, case, seed=3))
    require(not different, different, DRAW)


def inputs_untouched(update: Update, case: Masked) -> None:
    """Every ingredient has the same names and bits after U(x) as before."""
    given = case.given(update.update)
    require_untouched(given, lambda: asked(update.update, given))


def rng_untouched(update: Update, case: Masked) -> None:
    """The states of the global generators of torch, numpy and random are the same after U(x) as before."""
    given = case.given(update.update)
    require_generators_untouched(lambda: asked(update.update, given), "draw only from the ingredient `rng`.")


def order_irrelevant(update: Update, case: Masked) -> None:
    """U gives each name the same mask whatever the order of the names in the ingredients."""
    turned = asked(update.update, case.given(update.update, turned=True))
    different = first_difference(_moved(update, case), turned)
    require(not different, f"in reverse order {different}", "treat tensors by name; draw for sorted names.")


def drops_smallest(update: Update, case: Masked) -> None:
    """|θ_i| <= |θ_j| for i that dies and j that stays alive, unless |g_j| >= |g_i|: j may have been grown again."""
    moved = _moved(update, case)
    for name, before in case.masks.items():
        size, slope = case.weights[name].abs().double(), case.grads[name].abs().double()
        dies, stays = before & ~moved[name], before & moved[name]
        larger = size[dies][:, None] > size[stays]
        if "grads" in ingredients(update.update):
            larger &= slope[stays] < slope[dies][:, None]
        require(not larger.any(), f'a larger weight of "{name}" dies, a smaller one stays', "drop the smallest |θ|.")


def grows_steepest(update: Update, case: Masked) -> None:
    """|g_i| >= |g_j| for i that was dead and comes alive, and j that was dead and stays dead."""
    moved = _moved(update, case)
    for name, before in case.masks.items():
        slope = case.grads[name].abs()
        steeper = slope[~before & moved[name]][:, None] < slope[~before & ~moved[name]]
        require(not steeper.any(), f'a steeper weight of "{name}" stays dead', "grow the largest |g| among the dead.")


def stops_at_end(update: Update, case: Masked) -> None:
    """U(m) = m at progress 1."""
    given = case.given(update.update) | ({"progress": 1.0} if "progress" in ingredients(update.update) else {})
    different = first_difference(case.masks, asked(update.update, given))
    require(not different, different, "let what is dropped fall to nothing as `progress` goes to 1.")


def _moved(update: Update, case: Masked, *, seed: int = 0) -> Any:
    return asked(update.update, case.given(update.update, seed=seed))


def _require_masks(answer: object, case: Masked) -> None:
    require(isinstance(answer, Mapping), f"a {type(answer).__name__}, not a mapping from name to mask", FORM)
    assert isinstance(answer, Mapping)
    require(set(answer) == set(case.masks), f"masks of {sorted(map(str, answer))} for {sorted(case.masks)}", FORM)
    for name, before in case.masks.items():
        mask = answer[name]
        form = f"{mask.dtype} {tuple(mask.shape)}" if isinstance(mask, torch.Tensor) else type(mask).__name__
        expected = f"{torch.bool} {tuple(before.shape)}"
        require(form == expected, f'"{name}" is {form} instead of {expected}', FORM)


def _keeps_no_count(update: Update) -> str:
    return "" if update.keeps_count else "its passport says that counts change"


def _revives(update: Update) -> str:
    return "its passport says that weights come back" if update.revives else ""


LAWS = (
    law(names_and_shapes),
    law(count_kept, skip=_keeps_no_count),
    law(no_revival, skip=_revives),
    law(deterministic),
    law(inputs_untouched),
    law(rng_untouched),
    law(order_irrelevant),
    law(full_and_empty),
)
CLAIMABLE: tuple[Law, ...] = (law(drops_smallest), law(grows_steepest), law(stops_at_end))
