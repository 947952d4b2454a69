"""What every criterion obeys. S is the criterion, w the weights, m the mask; ⊙ is the elementwise product."""

from collections.abc import Mapping
from typing import Any

import torch
from hypothesis import assume
from torch import nn

from pruneproof.api import Criterion, Scored, Tensors
from pruneproof.selection.select import select_masks
from pruneproof.testing import surroundings
from pruneproof.testing.cases import Case, Scene, asked, scored, scores_in, tensors_in
from pruneproof.testing.compare import require_close, require_same
from pruneproof.testing.law import LawBroken, law, require
from pruneproof.testing.networks import Axis
from pruneproof.testing.probes import ChangedProbe
from pruneproof.units import keep_count
from pruneproof.values.surroundings import settings

PRECISION = 64
"""Machine epsilons, relative to the largest score of a tensor, by which two precisions may differ."""
SPARSITIES = (0.0, 0.3, 0.5, 0.9, 0.99)


def shapes_and_names(criterion: Criterion, case: Case) -> None:
    """S(w) is defined for just the names of w; S(w)_l has the shape of w_l and a floating-point dtype."""
    given = case.build()
    answer = scores_in(asked(criterion, given.ingredients(criterion)))
    advice = "return {name: scores for name, weight in weights.items()} with one score per weight."
    require(isinstance(answer, Mapping), f"a {type(answer).__name__}, not a mapping from name to tensor", advice)
    missing, extra = sorted(set(given.names) - set(answer)), sorted(map(str, set(answer) - set(given.names)))
    require(not missing, f"no scores for {', '.join(missing)}", advice)
    require(not extra, f"scores for {', '.join(extra)}, which nobody asked for", advice)
    for name in given.names:
        scores, shape = answer[name], tuple(given.model.get_parameter(name).shape)
        floating = isinstance(scores, torch.Tensor) and scores.is_floating_point()
        require(floating, f'"{name}" scores with {getattr(scores, "dtype", type(scores).__name__)}', advice)
        found = tuple(scores.shape)
        require(found == shape, f'"{name}" has scores of shape {found}, its weight has {shape}', advice)


def finite(criterion: Criterion, case: Case) -> None:
    """|S(w)_i| < ∞, and not NaN, where all ingredients are finite: zeros and tiny numbers included (float32)."""
    scene = case.build(torch.float32)
    ingredients = scene.ingredients(criterion)
    assume(all(each.isfinite().all() for group in tensors_in(ingredients).values() for each in group.values()))
    for name, scores in scored(criterion, ingredients).items():
        wrong = ~scores.isfinite()
        if wrong.any():
            at = tuple(int(each) for each in wrong.nonzero()[0])
            there = ", ".join(f"{kind} {float(group[name][at]):.3g}" for kind, group in tensors_in(ingredients).items())
            raise LawBroken(
                f'"{name}" scores {float(scores[at])} at {at} ({there or "from the probe"})',
                "look for a division by zero, a logarithm or a root; add a small constant or torch.where.",
            )


def deterministic(criterion: Criterion, case: Case) -> None:
    """S(x, seed) = S(x, seed), to the bit, whatever the state of the global random generators."""
    scene = case.build()
    first = scene.scores(criterion, seed=3)
    surroundings.stir()
    again = scene.scores(criterion, seed=3)
    require_same(again, first, "draw only from the ingredient `rng`, and keep nothing between two calls.")


def seed_used(criterion: Criterion, case: Case) -> None:
    """S(x, seed) ≠ S(x, seed') for some of ten seeds, on a network of at least 6 weights, none zero."""
    scene = case.build()
    assume(case.network.fill in ("normal", "ties") and not case.dead)
    assume(sum(scene.model.get_parameter(name).numel() for name in scene.names) >= 6)
    first = scene.scores(criterion, seed=0)
    others = [scene.scores(criterion, seed=seed) for seed in range(1, 10)]
    differs = any(not torch.equal(first[name], other[name]) for other in others for name in first)
    require(
        differs, "ten seeds give the same scores", "pass `generator=rng` to what you draw, or do not ask for `rng`."
    )


def _asks_for_no_rng(criterion: Criterion) -> str:
    return "" if "rng" in criterion.ingredients else "it does not ask for rng"


def inputs_untouched(criterion: Criterion, case: Case) -> None:
    """Every ingredient has the same names and bits after S(x) as before."""
    ingredients = case.build().ingredients(criterion)
    before = {kind: {name: each.clone() for name, each in group.items()} for kind, group in _groups(ingredients)}
    asked(criterion, ingredients)
    for kind, group in _groups(ingredients):
        same_names = list(group) == list(before[kind])
        require(same_names, f"{kind} has other names or another order", "leave the mappings that you are given alone.")
        for name, each in group.items():
            require(
                _same_bits(each, before[kind][name]),
                f'{kind} of "{name}" was written to',
                "take the operation without trailing underscore (abs, not abs_), or clone first.",
            )


def _groups(ingredients: Mapping[str, Any]) -> list[tuple[str, Tensors]]:
    return list(tensors_in(ingredients).items())


def model_untouched(criterion: Criterion, case: Case) -> None:
    """Parameters, their gradients and flags, buffers and every module's train/eval mode are the same after S(x)."""
    scene = case.build()
    modes = [index % 2 == 0 for index, _ in enumerate(scene.model.modules())]
    for part, mode in zip(scene.model.modules(), modes, strict=True):
        part.training = mode
    for parameter in scene.model.parameters():
        parameter.grad = torch.full_like(parameter, 0.25)
    before = _state(scene.model)
    asked(criterion, scene.ingredients(criterion))
    after = _state(scene.model)
    for what, value in before.items():
        same = what in after and (_same_bits(after[what], value) if torch.is_tensor(value) else after[what] == value)
        require(
            same, f"{what} of the model changed", "look through `probe` and `weights` only, and copy what you alter."
        )
    require(len(after) == len(before), "the model has new parts", "attach nothing to the model.")


def _state(model: nn.Module) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for name, parameter in model.named_parameters():
        state[f'"{name}"'] = parameter.detach().clone()
        state[f'the gradient of "{name}"'] = None if parameter.grad is None else parameter.grad.clone()
        state[f'requires_grad of "{name}"'] = parameter.requires_grad
    for name, buffer in model.named_buffers():
        state[f'the buffer "{name}"'] = buffer.clone()
    for name, part in model.named_modules():
        state[f'train/eval mode of "{name}"'] = part.training
        state[f'the hooks of "{name}"'] = (len(part._forward_hooks), len(part._forward_pre_hooks))
    return state


def rng_untouched(criterion: Criterion, case: Case) -> None:
    """The states of the global generators of torch, numpy and random are the same after S(x) as before."""
    ingredients = case.build().ingredients(criterion)
    before = surroundings.generator_states()
    asked(criterion, ingredients)
    after = surroundings.generator_states()
    moved = [name for name in before if before[name] != after[name]]
    require(not moved, f"the global generator of {', '.join(moved)} moved", "draw only from the ingredient `rng`.")


def settings_untouched(criterion: Criterion, case: Case) -> None:
    """Torch's default dtype, gradient mode, threads and determinism, and numpy's error state, are as before S(x)."""
    ingredients = case.build().ingredients(criterion)
    before = settings()
    asked(criterion, ingredients)
    after = settings()
    for name, value in before.items():
        require(after[name] == value, f"{name} went from {value} to {after[name]}", "set it within a `with` block.")


def order_irrelevant(criterion: Criterion, case: Case) -> None:
    """S gives each name the same scores whatever the order of the names in the ingredients (to 1e-8)."""
    scene = case.build()
    expected = scene.scores(criterion)
    names = {name: name for name in reversed(scene.names)}
    found = scored(criterion, _relabelled(scene.ingredients(criterion), names))
    require_close(found, expected, "treat tensors by name; iterate over sorted names where order counts.")


def names_irrelevant(criterion: Criterion, case: Case) -> None:
    """S(π w) = π S(w) for a renaming π; where `rng` is asked for, for those that keep the names' order (to 1e-8)."""
    scene = case.build()
    expected = scene.scores(criterion)
    ordered = sorted(scene.names, reverse="rng" not in criterion.ingredients)
    renamed = {name: f"t{number:02}" for number, name in enumerate(ordered)}
    found = scored(criterion, _relabelled(scene.ingredients(criterion), {name: renamed[name] for name in scene.names}))
    require_close(
        {name: found[new] for name, new in renamed.items() if new in found},
        expected,
        "do not look into the names: scope and exceptions belong to the selection (`scope`, `unprunable`).",
    )


def _relabelled(ingredients: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the ingredients in the order of `names`, each tensor under its new name."""
    back = {new: old for old, new in names.items()}

    def forth(tensors: Tensors) -> Tensors:
        return {new: tensors[old] for old, new in names.items()}

    changed: dict[str, Any] = {kind: forth(group) for kind, group in tensors_in(ingredients).items()}
    if "probe" in ingredients:
        changed["probe"] = ChangedProbe(
            ingredients["probe"],
            given=lambda tensors: {back[new]: each for new, each in tensors.items()},
            answered=forth,
            features=forth,
        )
    return {**ingredients, **changed}


def hidden_units_equivariant(criterion: Criterion, case: Case) -> None:
    """S(P w) = P S(w) for every permutation P of a layer's hidden units, which leaves the function (to 1e-8)."""
    assume(case.steady and case.network.width > 1)
    scene, moved = case.build(), case.build()
    expected = scene.scores(criterion)
    orders = [torch.randperm(case.network.width, generator=case.generator()).roll(1) for _ in case.network.units()]
    for units, order in zip(case.network.units(), orders, strict=True):
        _permute_model(moved.model, units, order)
        expected = {name: _permuted(each, name, units, order) for name, each in expected.items()}
    if moved.masks is not None:
        masks = moved.masks.to_tensors()
        for units, order in zip(case.network.units(), orders, strict=True):
            masks = {name: _permuted(each, name, units, order) for name, each in masks.items()}
        moved = Scene(case, moved.model, moved.names, moved.masks.from_tensors(masks), moved.batches)
    require_close(
        moved.scores(criterion),
        expected,
        "do not let the position of a weight decide; ties are broken later, by the selection.",
    )


@torch.no_grad()
def _permute_model(model: nn.Module, units: list[Axis], order: torch.Tensor) -> None:
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for name, axis in units:
        tensors[name].copy_(tensors[name].index_select(axis, order))


def _permuted(tensor: torch.Tensor, name: str, units: list[Axis], order: torch.Tensor) -> torch.Tensor:
    for other, axis in units:
        if other == name:
            tensor = tensor.index_select(axis, order)
    return tensor


def dead_weights_unseen(criterion: Criterion, case: Case) -> None:
    """S at m ⊙ w does not depend on w_i where m_i = 0, not even on NaN: the scores are the same, to the bit."""
    assume(case.dead > 0.0)
    scene = case.build()
    assert scene.masks is not None
    expected = scene.scores(criterion)
    with torch.no_grad():
        for name, alive in scene.masks.to_tensors().items():
            scene.model.get_parameter(name)[~alive] = torch.nan
    require_same(
        scene.scores(criterion), expected, "take `weights` and `probe`, in which dead weights are zero; see `alive`."
    )


def precisions_agree(criterion: Criterion, case: Case) -> None:
    """|S_d(x) - S_64(x)| <= 64 ε_d max|S_64| + 64 η_d for d of float16, bfloat16 and float32.

    x are the same numbers, rounded to d; S_d computes in d and S_64 in float64. ε_d is the machine epsilon of d, η_d
    its smallest positive number; the maximum is over the tensor.
    """
    assume(case.network.fill in ("normal", "ties", "zeros"))
    scene = case.build()
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        low, high = (
            scored(criterion, _rounded(scene.ingredients(criterion), dtype, to)) for to in (dtype, torch.float64)
        )
        about = torch.finfo(dtype)
        try:
            require_same(
                low,
                high,
                "compute sensitive steps in float32 or more.",
                tolerance=PRECISION * about.eps,
                floor=PRECISION * about.smallest_normal * about.eps,
            )
        except LawBroken as broken:
            raise LawBroken(f"in {str(dtype).removeprefix('torch.')}, {broken.found}", broken.advice) from None


def _rounded(ingredients: Mapping[str, Any], dtype: torch.dtype, to: torch.dtype) -> dict[str, Any]:
    """Return the ingredients rounded to `dtype` and held in `to`; what a probe computes in float64 on demand stays."""

    def rounded(tensors: Tensors) -> Tensors:
        return {name: each if each.dtype == torch.bool else each.to(dtype).to(to) for name, each in tensors.items()}

    changed: dict[str, Any] = {kind: rounded(group) for kind, group in tensors_in(ingredients).items()}
    if "probe" in ingredients:
        changed["probe"] = _RoundedProbe(ingredients["probe"], answered=rounded)
    return {**ingredients, **changed}


class _RoundedProbe(ChangedProbe):
    def gradients(self, *, double: bool = False, **options: Any) -> Tensors:
        if double:
            return self._probe.gradients(double=True, **options)
        return super().gradients(**options)

    def curvature(self, *arguments: Any, double: bool = False, **options: Any) -> Tensors:
        if double:
            return self._probe.curvature(*arguments, double=True, **options)
        return super().curvature(*arguments, **options)

    def sample_gradients(self, *, double: bool = False, **options: Any) -> Tensors:
        if double:
            return self._probe.sample_gradients(double=True, **options)
        return super().sample_gradients(**options)


def selection_exact(criterion: Criterion, case: Case) -> None:
    """Selecting by S(w) keeps N - floor(sparsity N) of N weights for every sparsity that the mask allows, none dead."""
    scene = case.build()
    scores = scene.scores(criterion)
    size = sum(each.numel() for each in scores.values())
    for sparsity in SPARSITIES:
        if scene.masks is not None and keep_count(size, sparsity) > scene.masks.count():
            continue
        masks = select_masks(scores, sparsity=sparsity, alive=scene.masks)
        found, expected = masks.count(), keep_count(size, sparsity)
        require(found == expected, f"{found} of {size} weights survive at {sparsity} instead of {expected}", _RANKABLE)
        revived = scene.masks is not None and not masks.is_subset_of(scene.masks)
        require(not revived, f"dead weights are alive at sparsity {sparsity}", _RANKABLE)


def selection_nested(criterion: Criterion, case: Case) -> None:
    """mask(S(w), s') ⊆ mask(S(w), s) for s <= s'."""
    scores = case.build().scores(criterion)
    before = None
    for sparsity in SPARSITIES:
        masks = select_masks(scores, sparsity=sparsity)
        if before is not None:
            require(masks.is_subset_of(before), f"at sparsity {sparsity} a weight comes alive again", _RANKABLE)
        before = masks


def survivors_as_promised(criterion: Criterion, case: Case) -> None:
    """S moves the survivors exactly where `updates_survivors` says so: to finite weights of w's shapes, w unwritten."""
    scene = case.build()
    ingredients = scene.ingredients(criterion)
    before = {name: each.clone() for name, each in ingredients.get("weights", {}).items()}
    answer = asked(criterion, ingredients)
    update = answer.update if isinstance(answer, Scored) else None
    found = "no update" if update is None else "an update"
    advice = "set `updates_survivors` where `Scored` brings an update, and only there."
    require((update is not None) == criterion.updates_survivors, f"{found} of the surviving weights", advice)
    if update is None:
        return
    size = sum(each.numel() for each in answer.scores.values())
    keep = min(size // 2, size if scene.masks is None else scene.masks.count())
    masks = select_masks({name: each.detach() for name, each in answer.scores.items()}, keep=keep, alive=scene.masks)
    for name, moved in update(masks.to_tensors()).items():
        require(name in scene.names, f'"{name}" was moved, which is no weight', "answer for prunable weights only.")
        shape, expected = tuple(moved.shape), tuple(scene.model.get_parameter(name).shape)
        require(shape == expected, f'"{name}" was moved to shape {shape} instead of {expected}', "keep the shape.")
        require(
            bool(moved.isfinite().all()), f'"{name}" was moved to numbers that are not finite', "damp what you invert."
        )
    for name, each in before.items():
        same = _same_bits(ingredients["weights"][name], each)
        require(same, f'"{name}" was written to', "return new tensors; pruning applies them in one place.")


_RANKABLE = "return scores that can be ranked: floating point, no NaN."

LAWS = (
    law(shapes_and_names),
    law(finite),
    law(deterministic),
    law(seed_used, skip=_asks_for_no_rng),
    law(inputs_untouched),
    law(model_untouched),
    law(rng_untouched),
    law(settings_untouched),
    law(order_irrelevant),
    law(names_irrelevant),
    law(hidden_units_equivariant),
    law(dead_weights_unseen),
    law(precisions_agree),
    law(selection_exact),
    law(selection_nested),
    law(survivors_as_promised),
)


def _same_bits(left: Any, right: torch.Tensor) -> bool:
    if not isinstance(left, torch.Tensor) or left.shape != right.shape or left.dtype != right.dtype:
        return False
    return left.detach().numpy().tobytes() == right.detach().numpy().tobytes()
