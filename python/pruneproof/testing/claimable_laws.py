"""What a criterion may claim. S is the criterion, w the weights, g = ∂L/∂w.

"All else held still" means that the other ingredients stay as they were gathered.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from hypothesis import assume

from pruneproof.api import Criterion, Tensors
from pruneproof.testing.cases import Case, Scene, scored, tensors_in
from pruneproof.testing.compare import ROUNDING, require_close, require_same
from pruneproof.testing.law import Law, law, require
from pruneproof.testing.probes import ChangedProbe

NOT_SO = "repair the function, or take the law out of `laws`; if it cannot hold, say why in `expected_failures`."
DERIVATIVES = ("grads", "fisher", "probe")


def data_free(criterion: Criterion, case: Case) -> None:
    """S(w; x, y) = S(w; x', y') for all samples and labels of one shape, to the bit."""
    scene = case.build()
    require_same(scene.scores(criterion, batches=case.samples(case.seed + 100)), scene.scores(criterion), NOT_SO)


def label_free(criterion: Criterion, case: Case) -> None:
    """S(w; x, y) = S(w; x, y') for all labels, to the bit."""
    scene = case.build()
    others = tuple((x, 1 - y) for x, y in scene.batches)
    require_same(scene.scores(criterion, batches=others), scene.scores(criterion), NOT_SO)


def batch_order_invariant(criterion: Criterion, case: Case) -> None:
    """S is the same when the batches, and the samples in each, come in reverse order (to 1e-8)."""
    assume(case.steady and sum(case.batches) > 1)
    scene = case.build()
    others = tuple((x.flip(0), y.flip(0)) for x, y in reversed(scene.batches))
    require_close(scene.scores(criterion, batches=others), scene.scores(criterion), NOT_SO)


def nonnegative(criterion: Criterion, case: Case) -> None:
    """S(w)_i >= 0."""
    for name, scores in case.build().scores(criterion).items():
        require(bool((scores >= 0).all()), f'"{name}" scores {float(scores.min()):.6g}', NOT_SO)


def sign_invariant(criterion: Criterion, case: Case) -> None:
    """S(ε ⊙ w) = S(w) for ε_i = ±1, to the bit, all else held still."""
    scene = case.build()
    ingredients, draw = scene.ingredients(criterion), case.generator()
    flipped = {
        name: weight * (1 - 2 * torch.randint(2, weight.shape, generator=draw))
        for name, weight in ingredients.get("weights", {}).items()
    }
    require_same(scored(criterion, _with(ingredients, weights=flipped)), scored(criterion, ingredients), NOT_SO)


def homogeneous(criterion: Criterion, case: Case, *, degree: int = 1) -> None:
    """S(c w) = c^K S(w) for c > 0, all else held still (to 1e-8)."""
    ingredients = case.build().ingredients(criterion)
    plain = scored(criterion, ingredients)
    for factor in (4.0, 0.25):
        weights = {name: factor * weight for name, weight in ingredients.get("weights", {}).items()}
        expected = {name: factor**degree * each for name, each in plain.items()}
        require_close(scored(criterion, _with(ingredients, weights=weights)), expected, NOT_SO)


def zero_for_zero_weight(criterion: Criterion, case: Case) -> None:
    """S(w)_i = 0 where w_i = 0."""
    assume(case.network.fill in ("zeros", "dead-unit", "blank") or case.dead)
    ingredients = case.build().ingredients(criterion)
    for name, scores in scored(criterion, ingredients).items():
        found = scores[ingredients["weights"][name] == 0]
        require(
            not found.any(), f'a zero of "{name}" scores {float(found.abs().amax()) if found.numel() else 0}', NOT_SO
        )


def zero_for_zero_gradient(criterion: Criterion, case: Case) -> None:
    """S(w)_i = 0 where every derivative with respect to w_i is 0: g_i, Fisher diagonal, all answers of the probe."""
    ingredients, draw = case.build().ingredients(criterion), case.generator()
    require(
        any(each in ingredients for each in DERIVATIVES), "it asks for no derivative", "take the law out of `laws`."
    )
    shapes = _shapes(ingredients)
    gone = {name: torch.randint(2, shape, generator=draw).bool() for name, shape in shapes.items()}

    def silenced(tensors: Tensors) -> Tensors:
        return {name: each.masked_fill(gone[name], 0.0) for name, each in tensors.items()}

    for name, scores in scored(criterion, _with_derivatives(ingredients, silenced, silenced)).items():
        found = scores[gone[name]]
        require(not found.any(), f'"{name}" scores {float(found.abs().amax()) if found.numel() else 0} there', NOT_SO)


def loss_scale_invariant(criterion: Criterion, case: Case) -> None:
    """L and c L, c > 0, rank the weights alike, ties included: gradients times c, the Fisher diagonal times c².

    Tried with powers of two, which scale without rounding.
    """
    ingredients = case.build().ingredients(criterion)
    expected = _ranks(scored(criterion, ingredients))
    for factor in (8.0, 0.125):
        scaled = _with_derivatives(ingredients, _times(factor), _times(factor**2))
        require_same(_ranks(scored(criterion, scaled)), expected, NOT_SO + " (Compared are ranks, 0 the lowest.)")


def relu_rescaling_invariant(criterion: Criterion, case: Case) -> None:
    """S is the same when a ReLU unit's incoming weights and bias are multiplied by c > 0 and its outgoing ones divided.

    The network stays the same function. Tried with powers of two on networks without BatchNorm (to 1e-8).
    """
    assume(case.network.kind in ("mlp", "recurrent", "tied"))
    scene, scaled = case.build(), case.build()
    draw = case.generator()
    with torch.no_grad():
        for units in case.network.units():
            factors = 2.0 ** torch.randint(-3, 4, (case.network.width,), generator=draw)
            for name, axis in units:
                tensor = dict(scaled.model.named_parameters())[name]
                sides = [-1 if each == axis else 1 for each in range(tensor.dim())]
                tensor.mul_(factors.reshape(sides)) if axis == 0 else tensor.div_(factors.reshape(sides))
    require_close(scaled.scores(criterion), scene.scores(criterion), NOT_SO)


def layer_conserving(criterion: Criterion, case: Case) -> None:
    """Σ_i S(w_l)_i = Σ_i S(w_k)_i for all layers l, k that every path crosses.

    Tanaka, Kunin, Yamins, Ganguli (2020), arXiv 2006.05467: synaptic saliency is conserved through a network of
    positively homogeneous units without biases. Tried on such networks without branches, with masks, and with BatchNorm
    as at initialisation (to 1e-8).
    """
    scene = _flowing(case)
    totals = {name: float(scores.sum()) for name, scores in scene.scores(criterion).items()}
    largest = max(totals.values(), key=abs)
    for name, total in totals.items():
        close = abs(total - largest) <= ROUNDING * abs(largest)
        require(close, f'"{name}" has a total of {total:.6g}, another layer {largest:.6g}', NOT_SO)


def unit_conserving(criterion: Criterion, case: Case) -> None:
    """Σ S of a hidden unit's incoming weights = Σ S of its outgoing ones.

    Tanaka, Kunin, Yamins, Ganguli (2020), arXiv 2006.05467, neuron by neuron; tried on multilayer perceptrons and
    convolutional networks as in `layer-conserving` (to 1e-8).
    """
    assume(case.network.kind in ("mlp", "conv"))
    scene = _flowing(case)
    scores = scene.scores(criterion)
    for units in case.network.units():
        ((before, _),) = [each for each in units if each[1] == 0 and each[0] in scores]
        ((after, _),) = [each for each in units if each[1] == 1]
        incoming = {"units": scores[before].flatten(1).sum(1)}
        outgoing = {"units": scores[after].transpose(0, 1).flatten(1).sum(1)}
        require_close(incoming, outgoing, f"{NOT_SO} (Units between {before} and {after}.)")


def _flowing(case: Case) -> Scene:
    """Build a network in which flow is conserved: one path, no bias, BatchNorm as at initialisation."""
    assume(case.network.kind in ("mlp", "conv", "depthwise") and not case.network.bias)
    return case.build()


def _with(ingredients: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """Replace ingredients that were asked for."""
    return {name: changed.get(name, each) for name, each in ingredients.items()}


def _with_derivatives(
    ingredients: Mapping[str, Any], first: Callable[[Tensors], Tensors], squares: Callable[[Tensors], Tensors]
) -> dict[str, Any]:
    changed = {
        name: change(ingredients[name])
        for name, change in (("grads", first), ("fisher", squares))
        if name in ingredients
    }
    if "probe" in ingredients:  # its curvature, the Gauss-Newton matrix by default, scales as the loss does
        changed["probe"] = ChangedProbe(ingredients["probe"], answered=first)  # type: ignore[assignment]
    return {**ingredients, **changed}


def _times(factor: float) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {name: factor * each for name, each in tensors.items()}


def _shapes(ingredients: Mapping[str, Any]) -> dict[str, torch.Size]:
    groups = tensors_in(ingredients)
    known = next(iter(groups.values())) if groups else ingredients["probe"].gradients()
    return {name: each.shape for name, each in known.items()}


def _ranks(scores: Tensors) -> dict[str, torch.Tensor]:
    """Replace each score by its rank among the distinct scores of all tensors."""
    row = torch.cat([each.flatten() for each in scores.values()])
    ranks = torch.unique(row, return_inverse=True)[1].double()
    parts = torch.split(ranks, [each.numel() for each in scores.values()])
    return {name: part.reshape(each.shape) for (name, each), part in zip(scores.items(), parts, strict=True)}


LAWS = (
    law(data_free),
    law(label_free),
    law(batch_order_invariant),
    law(nonnegative),
    law(sign_invariant),
    Law("homogeneous-K", homogeneous),  # K is filled in by `claimed`
    law(zero_for_zero_weight),
    law(zero_for_zero_gradient),
    law(loss_scale_invariant),
    law(relu_rescaling_invariant),
    law(unit_conserving),
    law(layer_conserving),
)


def claimed(name: str) -> Law:
    """Return the law that a passport names, `homogeneous-2` for one.

    >>> claimed("homogeneous-2").id
    'homogeneous-2'
    """
    found = {each.id: each for each in LAWS}
    if name in found:
        return found[name]
    return Law(name, partial(homogeneous, degree=int(name.rpartition("-")[2])))
