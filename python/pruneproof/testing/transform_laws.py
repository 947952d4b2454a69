"""What every transform obeys. T is the transform, S scores, m the mask and w the weights that it is given."""

from collections.abc import Mapping
from typing import Any

import torch
from hypothesis import assume

from pruneproof.api import Transform, Transformed
from pruneproof.contracts.functions import ingredients
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.masked import (
    Masked,
    asked,
    first_difference,
    require_generators_untouched,
    require_untouched,
)

DRAW = "draw only from the ingredient `rng`, and keep nothing between two calls."


def names_and_shapes(transform: Transform, case: Masked) -> None:
    """T(S) has the names, shapes and dtypes of S; otherwise T answers with bool masks, and tensors of the state dict.

    Masks are those of all prunable weights, or None; the state is that of any tensors, or None. Scoring samples keep
    their shapes and dtypes, and labels are those of classes.
    """
    given = case.given(transform.transform)
    answer = asked(transform.transform, given)
    if "scores" in given:
        advice = "return {name: scores} for each of `scores`."
        require(isinstance(answer, Mapping), f"a {type(answer).__name__}, not a mapping", advice)
        require(_forms(answer) == _forms(given["scores"]), f"{_forms(answer)} for {_forms(given['scores'])}", advice)
        return
    advice = "return Transformed(alive=..., state=...); leave out what stays as it is."
    require(isinstance(answer, Transformed), f"a {type(answer).__name__}, not Transformed", advice)
    samples = case.given(_samples)
    for name, changed in (("inputs", answer.inputs), ("labels", answer.labels)):
        before, after = _forms({name: samples[name]}), _forms({name: changed})
        require(changed is None or after == before, f"{after} for {before}", advice)
    labels = samples["labels"] if answer.labels is None else answer.labels
    within = bool(((labels >= 0) & (labels < samples["classes"])).all())
    require(within, "labels of no class", "draw labels from 0 to classes - 1.")
    if answer.alive is not None:
        expected = _forms(case.masks)
        require(_forms(answer.alive) == expected, f"masks {_forms(answer.alive)} instead of {expected}", advice)
    known = _forms(case.given(_whole)["state"])
    for name, form in _forms(answer.state or {}).items():
        found = f'"{name}" is {form}; the state dict has {known.get(name, "no such tensor")}'
        require(form == known.get(name), found, "return tensors by their names in the state dict, in their shapes.")


def keeps_promise(transform: Transform, case: Masked) -> None:
    """|T(m)_l| = |m_l| if T keeps `counts`, Σ_l likewise for `total`, T(m) = m for `mask`, T(w) = w for `weights`."""
    answer = asked(transform.transform, case.given(transform.transform))
    alive, state = (answer.alive or case.masks), dict(answer.state or {})
    keeps, advice = transform.keeps, "keep what `keeps` promises, or take it out of `keeps`."
    for name, before in case.masks.items():
        counts = int(before.sum()), int(alive[name].sum())
        if "counts" in keeps:
            require(counts[0] == counts[1], f'"{name}" has {counts[1]} alive instead of {counts[0]}', advice)
        if "mask" in keeps:
            require(torch.equal(alive[name], before), f'the mask of "{name}" changed', advice)
    total, before_ = sum(int(each.sum()) for each in alive.values()), sum(int(m.sum()) for m in case.masks.values())
    require("total" not in keeps or total == before_, f"{total} weights alive instead of {before_}", advice)
    require("weights" not in keeps or not state, f"{', '.join(map(str, state))} changed", advice)


def deterministic(transform: Transform, case: Masked) -> None:
    """T(x, seed) = T(x, seed), to the bit, whatever the state of the global random generators."""
    first = _answer(transform, case, seed=3)
    surroundings.stir()
    different = first_difference(first, _answer(transform, case, seed=3))
    require(not different, different, DRAW)


def seed_used(transform: Transform, case: Masked) -> None:
    """T(x, seed) ≠ T(x, seed') for some of ten seeds, where at least 6 weights are alive and 6 are dead."""
    alive = sum(int(mask.sum()) for mask in case.masks.values())
    assume(min(alive, sum(mask.numel() for mask in case.masks.values()) - alive) >= 6)
    first = _answer(transform, case, seed=0)
    differs = any(first_difference(first, _answer(transform, case, seed=seed)) for seed in range(1, 10))
    require(
        differs, "ten seeds give the same answer", "pass `generator=rng` to what you draw, or do not ask for `rng`."
    )


def inputs_untouched(transform: Transform, case: Masked) -> None:
    """Every ingredient has the same names and bits after T(x) as before."""
    given = case.given(transform.transform)
    require_untouched(given, lambda: asked(transform.transform, given))


def rng_untouched(transform: Transform, case: Masked) -> None:
    """The states of the global generators of torch, numpy and random are the same after T(x) as before."""
    given = case.given(transform.transform)
    require_generators_untouched(lambda: asked(transform.transform, given), "draw only from the ingredient `rng`.")


def _answer(transform: Transform, case: Masked, *, seed: int) -> dict[str, torch.Tensor]:
    """Return all tensors of an answer."""
    answer = asked(transform.transform, case.given(transform.transform, seed=seed))
    if not isinstance(answer, Transformed):
        return dict(answer)
    drawn = {"inputs": answer.inputs, "labels": answer.labels}
    samples = {name: each for name, each in drawn.items() if each is not None}
    parts = {"mask": answer.alive or {}, "state": answer.state or {}, "samples": samples}
    return {f"{part} of {name}": each for part, group in parts.items() for name, each in group.items()}


def _forms(tensors: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: f"{each.dtype} {tuple(each.shape)}".removeprefix("torch.")
        if isinstance(each, torch.Tensor)
        else type(each).__name__
        for name, each in tensors.items()
    }


def _whole(state: object) -> None: ...


def _samples(inputs: object, labels: object, classes: object) -> None: ...


def _promises_nothing(transform: Transform) -> str:
    return "" if transform.keeps else "it promises to keep nothing"


def _asks_for_no_rng(transform: Transform) -> str:
    return "" if "rng" in ingredients(transform.transform) else "it does not ask for rng"


LAWS = (
    law(names_and_shapes),
    law(keeps_promise, skip=_promises_nothing),
    law(deterministic),
    law(seed_used, skip=_asks_for_no_rng),
    law(inputs_untouched),
    law(rng_untouched),
)
