"""Updates, searches, transforms, regularizers, rate schedules and metrics, each wrong in one way, and their laws."""

import random

import torch
from mutants.mutant import SOURCE, Mutant, id_of

from pruneproof.api import (
    LRSchedule,
    MaskSearch,
    Metric,
    Regularizer,
    Transform,
    Transformed,
    Update,
)
from pruneproof.searches.edge_popup import EDGE_POPUP

MUTANTS: list[Mutant] = []


def update(law, says, *claims, revives=True, keeps_count=True):
    def add(function):
        passport = Update(id_of(function), function, SOURCE, revives, keeps_count, frozenset(claims))
        MUTANTS.append(Mutant(law, passport, says))
        return function

    return add


def transform(law, says, *keeps):
    def add(function):
        passport = Transform(id_of(function), function, SOURCE, "Wrong.", keeps=frozenset(keeps))
        MUTANTS.append(Mutant(law, passport, says))
        return function

    return add


def regularizer(law, says):
    def add(function):
        MUTANTS.append(Mutant(law, Regularizer(id_of(function), function, SOURCE), says))
        return function

    return add


def rate(law, says):
    def add(function):
        MUTANTS.append(Mutant(law, LRSchedule(id_of(function), function, "Wrong."), says))
        return function

    return add


def metric(law, says, per="network"):
    def add(function):
        MUTANTS.append(Mutant(law, Metric(id_of(function), function, "Wrong.", per=per), says))
        return function

    return add


def search(law, says, name, **parts):
    plain = {"start": EDGE_POPUP.start, "gate": EDGE_POPUP.gate, "export": EDGE_POPUP.export}
    MUTANTS.append(Mutant(law, MaskSearch(id=name, source=SOURCE, exports="wrong", **plain | parts), says))


# Updates.


@update("names-and-shapes", "not a mapping")
def lists_masks(alive):
    return list(alive.values())


@update("names-and-shapes", "masks of")
def forgets_a_tensor(alive):
    return dict(list(alive.items())[1:])


@update("names-and-shapes", "torch.float32")
def answers_with_numbers(alive):
    return {name: mask.float() for name, mask in alive.items()}


@update("names-and-shapes", "instead of torch.bool")
def flattens(alive):
    return {name: mask.flatten() for name, mask in alive.items()}


@update("count-kept", "instead of")
def grows_only(alive, grads):
    return {name: mask | (grads[name].abs() > 1) for name, mask in alive.items()}


@update("no-revival", "came back", revives=False, keeps_count=False)
def brings_back(alive, grads):
    return {name: mask | (grads[name].abs() > 1) for name, mask in alive.items()}


@update("deterministic", "differs")
def draws_globally(alive):
    return {name: mask.flatten()[torch.randperm(mask.numel())].reshape(mask.shape) for name, mask in alive.items()}


@update("inputs-untouched", "was written to", keeps_count=False)
def drops_in_place(weights, alive):
    for name, mask in alive.items():
        mask &= weights[name].abs() > 0.1
    return dict(alive)


@update("inputs-untouched", "other names")
def pops(weights, alive):
    weights.popitem()
    return dict(alive)


@update("rng-untouched", "random")
def moves_a_generator(alive):
    random.random()
    return dict(alive)


@update("order-irrelevant", "in reverse order")
def draws_in_given_order(alive, rng):
    return {
        name: mask.flatten()[torch.randperm(mask.numel(), generator=rng)].reshape(mask.shape)
        for name, mask in alive.items()
    }


@update("full-and-empty", "RuntimeError", keeps_count=False)
def needs_a_dead_weight(alive, grads):
    return {name: mask & (grads[name].abs() >= grads[name][~mask].abs().min()) for name, mask in alive.items()}


def exchange(alive, worth_keeping, worth_growing):
    """Drop one weight of each tensor and grow another, by what each is worth."""
    moved = {}
    for name, mask in alive.items():
        row = mask.flatten().clone()
        if row.any() and not row.all():
            row[worth_keeping[name].flatten().masked_fill(~row, torch.inf).argmin()] = False
            candidates = mask.flatten()
            row[worth_growing[name].flatten().masked_fill(candidates, -torch.inf).argmax()] = True
        moved[name] = row.reshape(mask.shape)
    return moved


@update("drops-smallest", "a larger weight", "drops-smallest")
def drops_the_largest(weights, alive, rng):
    noise = {name: torch.rand(weights[name].shape, generator=rng) for name in sorted(weights)}
    return exchange(alive, {name: -each.abs() for name, each in weights.items()}, noise)


@update("grows-steepest", "a steeper weight", "grows-steepest")
def grows_by_sign(weights, alive, grads):
    return exchange(alive, {name: each.abs() for name, each in weights.items()}, grads)


@update("stops-at-end", "differs", "stops-at-end")
def never_stops(weights, alive, grads, progress):
    sizes = ({name: each.abs() for name, each in group.items()} for group in (weights, grads))
    return exchange(alive, *sizes)


# Transforms.


@transform("names-and-shapes", "not a mapping")
def scores_in_a_list(scores):
    return list(scores.values())


@transform("names-and-shapes", "float64")
def scores_in_another_dtype(scores):
    return {name: each.to(torch.float64) for name, each in scores.items()}


@transform("names-and-shapes", "not Transformed")
def bare_masks(alive):
    return dict(alive)


@transform("names-and-shapes", "masks")
def masks_in_numbers(alive):
    return Transformed(alive={name: mask.float() for name, mask in alive.items()})


@transform("names-and-shapes", "no such tensor")
def invents_a_tensor(weights):
    return Transformed(state={f"new.{name}": each for name, each in weights.items()})


@transform("keeps-promise", "alive instead of", "counts")
def kills_one(alive):
    def without_the_first(mask):
        row = mask.flatten().clone()
        row[row.nonzero()[:1]] = False
        return row.reshape(mask.shape)

    return Transformed(alive={name: without_the_first(mask) for name, mask in alive.items()})


@transform("keeps-promise", "weights alive instead of", "total")
def inverts_the_mask(alive):
    return Transformed(alive={name: ~mask for name, mask in alive.items()})


@transform("keeps-promise", "the mask of", "mask")
def turns_the_mask(alive):
    return Transformed(alive={name: mask.flatten().roll(1).reshape(mask.shape) for name, mask in alive.items()})


@transform("keeps-promise", "changed", "weights")
def changes_weights(weights):
    return Transformed(state={name: 2 * each for name, each in weights.items()})


@transform("deterministic", "differs")
def shuffles_globally(alive):
    return Transformed(alive={n: m.flatten()[torch.randperm(m.numel())].reshape(m.shape) for n, m in alive.items()})


@transform("seed-used", "ten seeds")
def asks_for_a_seed_in_vain(alive, rng):
    return Transformed(alive={name: mask.flatten().roll(1).reshape(mask.shape) for name, mask in alive.items()})


@transform("inputs-untouched", "was written to")
def negates_in_place(scores):
    return {name: each.neg_() for name, each in scores.items()}


@transform("rng-untouched", "torch")
def moves_torch_s_generator(scores):
    torch.rand(1)
    return dict(scores)


# Regularizers.


@regularizer("scalar", "float")
def answers_with_a_float(weights):
    return sum(float(each.detach().abs().sum()) for each in weights.values())


@regularizer("scalar", "shape")
def answers_by_row(weights):
    return torch.stack([each.abs().sum() for each in weights.values()] * 2)


@regularizer("scalar", "inf")
def answers_with_infinity(weights):
    return sum((1 / each.abs()).sum() for each in weights.values())


@regularizer("nonnegative", "-")
def rewards(weights):
    return sum(each.sum() for each in weights.values())


@regularizer("differentiable", "without a gradient")
def is_detached(weights):
    return sum(each.detach().abs().sum() for each in weights.values())


@regularizer("differentiable", "not finite")
def takes_the_norm_of_nothing(weights):
    return sum(each.square().sum().sqrt() for each in weights.values())


@regularizer("dead-weights-unseen", "are pulled")
def pulls_towards_one(weights):
    return sum((each - 1).square().sum() for each in weights.values())


@regularizer("deterministic", "then")
def draws_a_penalty(weights):
    return sum((each * torch.rand(each.shape).to(each)).square().sum() for each in weights.values())


@regularizer("inputs-untouched", "was written to")
def clips_in_place(parameters):
    with torch.no_grad():
        for each in parameters.values():
            each.clamp_(-0.5, 0.5)
    return sum(each.square().sum() for each in parameters.values() if each.is_floating_point())


# Learning-rate schedules.


@rate("finite-and-nonnegative", "-")
def falls_below_zero(progress, epochs):
    return 0.9 - progress / epochs


@rate("finite-and-nonnegative", "ZeroDivisionError")
def divides_by_zero(progress, epochs):
    return 1 / progress


@rate("finite-and-nonnegative", "return a float")
def answers_in_words(progress, epochs):
    return "half"


CALLS: list[float] = []


@rate("reproducible", "then")
def remembers(progress, epochs):
    CALLS.append(progress)
    return 1 / len(CALLS)


@rate("reproducible", "generator moved")
def draws_a_rate(progress, epochs):
    return random.random()


# Metrics.


@metric("value-fits", "not per network")
def answers_by_tensor(alive):
    return dict.fromkeys(alive, 1.0)


@metric("value-fits", "not per tensor", per="tensor")
def answers_once(alive):
    return 1.0


@metric("value-fits", "not per unit", per="unit")
def answers_by_tensor_alone(alive):
    return dict.fromkeys(alive, 1.0)


@metric("value-fits", "plain numbers")
def answers_with_an_object(alive):
    return object()


@metric("deterministic", "then")
def draws_a_value(alive):
    return torch.rand(1).item()


@metric("inputs-untouched", "the network")
def changes_the_network(network):
    with torch.no_grad():
        next(iter(network.parameters())).add_(1.0)
    return 1.0


@metric("inputs-untouched", "mode changed")
def trains_the_network(network):
    network.train()
    return 1.0


@metric("inputs-untouched", "samples were written to")
def normalises_the_samples(data):
    data.inputs.mul_(0.5)
    return 1.0


@metric("inputs-untouched", "alive of")
def kills_in_place(alive):
    for mask in alive.values():
        mask.zero_()
    return 1.0


@metric("rng-untouched", "numpy")
def moves_numpy_s_generator(alive):
    import numpy as np

    return float(np.random.rand() * 0)


# Mask searches.


def start_whole_numbers(weights, rng):
    return {name: torch.zeros(weight.shape, dtype=torch.int64) for name, weight in weights.items()}


def start_globally(weights, rng):
    return {name: torch.randn(weight.shape) for name, weight in weights.items()}


def start_in_place(weights, rng):
    return {name: weight.abs_() for name, weight in weights.items()}


def gate_of_one_tensor(variables, sparsity, progress, rng):
    return dict(list(variables.items())[:1])


def gate_transposed(variables, sparsity, progress, rng):
    return {name: each.flatten().sigmoid() for name, each in variables.items()}


def gate_without_gradient(variables, sparsity, progress, rng):
    return {name: (each > 0).to(each.dtype) for name, each in variables.items()}


def gate_of_a_constant(variables, sparsity, progress, rng):
    last = list(variables)[-1]
    return {name: each.sigmoid() if name != last else torch.ones_like(each) for name, each in variables.items()}


def gate_at_an_infinite_slope(variables, sparsity, progress, rng):
    return {name: (each - each.detach()).abs().sqrt() for name, each in variables.items()}


def export_by_threshold(variables, sparsity):
    return {name: each.abs() > 0.1 for name, each in variables.items()}


def export_numbers(variables, sparsity):
    return {name: mask.float() for name, mask in EDGE_POPUP.export(variables, sparsity).items()}


def export_by_chance(variables, sparsity):
    return {name: torch.rand(each.shape) < 0.5 for name, each in variables.items()}


def export_in_place(variables, sparsity):
    return {name: each.abs_() > 0.1 for name, each in variables.items()}


search("names-and-shapes", "torch.int64", "starts-from-whole-numbers", start=start_whole_numbers)
search("names-and-shapes", "as variables", "starts-from-nothing", start=lambda weights, rng: {})
search("names-and-shapes", "gates of", "gates-one-tensor", gate=gate_of_one_tensor)
search("names-and-shapes", "gates of", "gates-in-a-row", gate=gate_transposed)
search("names-and-shapes", "masks bool", "exports-numbers", export=export_numbers)
search(
    "names-and-shapes",
    "as penalty",
    "penalises-by-tensor",
    penalty=lambda variables, sparsity, progress: torch.ones(2),
)
search("gate-differentiable", "no gradient passes", "gates-without-gradient", gate=gate_without_gradient)
search("gate-differentiable", "gets no gradient", "forgets-a-variable", gate=gate_of_a_constant)
search("gate-differentiable", "not finite", "gates-at-an-infinite-slope", gate=gate_at_an_infinite_slope)
search("export-exact", "instead of", "exports-by-threshold", export=export_by_threshold)
search("export-deterministic", "differs", "exports-by-chance", export=export_by_chance)
search("reproducible", "generator of torch moved", "starts-from-a-global-draw", start=start_globally)
search("inputs-untouched", "weights of", "starts-in-place", start=start_in_place)
search("inputs-untouched", "variables of", "exports-in-place", export=export_in_place)
