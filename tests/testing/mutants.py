"""Criteria, schedules, allocations, models and selections that are each wrong in one way, and the law meant to tell."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from pruneproof.api import Allocation, Criterion, Model, Schedule, Scored, Source
from pruneproof.errors import BadConfig
from pruneproof.selection.rounding import proportional
from pruneproof.selection.select import select_masks
from pruneproof.values.masks import MaskSet

SOURCE = Source("A. Saboteur", 2026, "Wrong in one way")


@dataclass(frozen=True)
class Mutant:
    """A wrong subject, the law that must catch it, and a word that the message must hold."""

    law: str
    subject: Any
    says: str

    @property
    def id(self) -> str:
        name = self.subject.id if hasattr(self.subject, "id") else self.subject.__name__
        return f"{name.replace('_', '-')}-by-{self.law}"


MUTANTS: list[Mutant] = []


def _id(function):
    return function.__name__.replace("_", "-")


def criterion(law, says, *claims):
    def add(score):
        MUTANTS.append(Mutant(law, Criterion(_id(score), score, SOURCE, laws=frozenset(claims)), says))
        return score

    return add


def schedule(law, says):
    def add(sparsities):
        def checked(target, steps):
            if not 0 <= target < 1 or steps < 1:
                raise BadConfig("out of range")
            return sparsities(target, steps)

        MUTANTS.append(Mutant(law, Schedule(_id(sparsities), checked, SOURCE), says))
        return sparsities

    return add


def allocation(law, says):
    def add(counts):
        MUTANTS.append(Mutant(law, Allocation(_id(counts), counts, SOURCE), says))
        return counts

    return add


def selection(law, says):
    def add(select):
        MUTANTS.append(Mutant(law, select, says))
        return select

    return add


# Criteria: form.


@criterion("shapes-and-names", "no scores for")
def drops_a_tensor(weights):
    return {name: each.abs() for name, each in list(weights.items())[1:]}


@criterion("shapes-and-names", "nobody asked for")
def adds_a_tensor(weights):
    return {**{name: each.abs() for name, each in weights.items()}, "total": torch.zeros(1)}


@criterion("shapes-and-names", "its weight has")
def transposes(weights):
    return {name: each.abs().transpose(0, -1) for name, each in weights.items()}


@criterion("shapes-and-names", "torch.int64")
def counts_instead_of_scoring(weights):
    return {name: (each != 0).long() for name, each in weights.items()}


@criterion("shapes-and-names", "not a mapping")
def returns_a_list(weights):
    return [each.abs() for each in weights.values()]


# Criteria: survivors.


@criterion("survivors-as-promised", "an update of the surviving weights")
def moves_in_secret(weights):
    return Scored({name: each.abs() for name, each in weights.items()}, lambda alive: weights)


def promises_to_move(score, says):
    MUTANTS.append(Mutant("survivors-as-promised", Criterion(_id(score), score, SOURCE, updates_survivors=True), says))


def moves_nothing(weights):
    return {name: each.abs() for name, each in weights.items()}


def moves_to_nowhere(weights):
    scores = {name: each.abs() for name, each in weights.items()}
    return Scored(scores, lambda alive: {name: weights[name] / 0.0 for name in alive})


def moves_in_place(weights):
    scores = {name: each.abs() for name, each in weights.items()}
    return Scored(scores, lambda alive: {name: weights[name].mul_(alive[name]) for name in alive})


promises_to_move(moves_nothing, "no update of the surviving weights")
promises_to_move(moves_to_nowhere, "not finite")
promises_to_move(moves_in_place, "was written to")


# Criteria: numbers.


@criterion("finite", "division by zero")
def nan_at_zero_gradient(weights, grads):
    return {name: (each * grads[name]).abs() / grads[name].abs() for name, each in weights.items()}


@criterion("finite", "logarithm")
def logarithm_of_zero(weights):
    return {name: each.abs().log() for name, each in weights.items()}


@criterion("precisions-agree", "in float16")
def cancels(weights):
    return {name: ((each + 1000.0) - 1000.0).abs() for name, each in weights.items()}


@criterion("selection-exact", "NaN")
def root_of_a_signed_weight(weights):
    return {name: each.sqrt() for name, each in weights.items()}


@criterion("selection-nested", "NaN")
def root_of_a_negative_number(weights):
    return {name: (-each.abs()).sqrt() for name, each in weights.items()}


# Criteria: randomness and memory.


@criterion("seed-used", "generator=rng")
def ignores_the_seed(weights, rng):
    own = torch.Generator().manual_seed(0)
    return {name: torch.rand(each.shape, generator=own) for name, each in sorted(weights.items())}


@criterion("deterministic", "ingredient `rng`")
def draws_from_the_global_generator(weights):
    return {name: torch.rand(each.shape) for name, each in weights.items()}


CALLS = []


@criterion("deterministic", "keep nothing between two calls")
def remembers_its_calls(weights):
    CALLS.append(1)
    return {name: each.abs() + len(CALLS) for name, each in weights.items()}


@criterion("rng-untouched", "generator of torch")
def leaks_the_torch_generator(weights):
    torch.manual_seed(len(weights))
    return {name: torch.rand(each.shape) for name, each in weights.items()}


@criterion("rng-untouched", "generator of numpy")
def leaks_the_numpy_generator(weights):
    np.random.seed(7)
    return {name: each.abs() * np.random.rand() for name, each in weights.items()}


@criterion("rng-untouched", "generator of random")
def leaks_the_generator_of_random(weights):
    return {name: each.abs() * (1 + 0 * random.random()) for name, each in weights.items()}


# Criteria: what they leave behind.


@criterion("inputs-untouched", "abs, not abs_")
def mutates_a_weight(weights):
    return {name: each.abs_() for name, each in weights.items()}


@criterion("inputs-untouched", "other names")
def takes_tensors_out(weights):
    return {name: weights.pop(name).abs() for name in list(weights)}


@criterion("inputs-untouched", "alive")
def revives_dead_weights(weights, alive):
    for each in alive.values():
        each.fill_(True)
    return {name: each.abs() for name, each in weights.items()}


@criterion("model-untouched", "the buffer")
def leaves_batchnorm_moved(weights, probe):
    norms = [part for part in probe._model.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.running_mean.mul_(0.9)
    return {name: each.abs() for name, each in weights.items()}


@criterion("model-untouched", "the gradient of")
def leaves_gradients(weights, probe):
    probe._model(probe._batches[0][0].double()).sum().backward()
    return {name: probe._model.get_parameter(name).grad.abs() for name in weights}


@criterion("model-untouched", "train/eval mode")
def leaves_eval_mode(weights, probe):
    probe._model.eval()
    return {name: each.abs() for name, each in weights.items()}


@criterion("model-untouched", "copy what you alter")
def leaves_absolute_weights(weights, probe):
    for parameter in probe._model.parameters():
        parameter.data.abs_()
    return dict(weights)


@criterion("model-untouched", "the hooks")
def leaves_a_hook(weights, probe):
    probe._model.register_forward_hook(lambda *_: None)
    return {name: each.abs() for name, each in weights.items()}


@criterion("settings-untouched", "torch.get_default_dtype")
def leaves_another_default_dtype(weights):
    torch.set_default_dtype(torch.float64)
    return {name: each.abs() for name, each in weights.items()}


@criterion("settings-untouched", "torch.is_grad_enabled")
def leaves_gradients_disabled(weights):
    torch.set_grad_enabled(False)
    return {name: each.abs() for name, each in weights.items()}


# Criteria: symmetries.


@criterion("order-irrelevant", "sorted names")
def favours_the_first_tensor(weights):
    return {name: each.abs() + (place == 0) for place, (name, each) in enumerate(weights.items())}


@criterion("names-irrelevant", "unprunable")
def favours_the_classifier(weights):
    return {name: each.abs() + name.startswith("classifier") for name, each in weights.items()}


@criterion("hidden-units-equivariant", "position")
def favours_the_last_units(weights):
    return {name: each.abs() + torch.arange(each.numel()).reshape(each.shape) for name, each in weights.items()}


@criterion("dead-weights-unseen", "dead weights are zero")
def looks_at_dead_weights(weights, probe):
    return {name: each.abs() / probe._model.get_parameter(name).abs().sum() for name, each in weights.items()}


# Criteria: claims that are not so.


@criterion("data-free", "laws", "data-free")
def sees_the_data(weights, grads):
    return {name: (each * grads[name]).abs() for name, each in weights.items()}


@criterion("label-free", "laws", "label-free")
def sees_the_labels(weights, fisher):
    return {name: each.square() * fisher[name] for name, each in weights.items()}


@criterion("batch-order-invariant", "laws", "batch-order-invariant")
def sees_the_first_batch_only(weights, probe):
    return {name: each.abs() * probe._batches[0][0].sum().abs() for name, each in weights.items()}


@criterion("nonnegative", "scores -", "nonnegative")
def has_the_wrong_sign(weights):
    return {name: -each.abs() for name, each in weights.items()}


@criterion("sign-invariant", "expected_failures", "sign-invariant")
def keeps_the_sign(weights):
    return dict(weights)


@criterion("homogeneous-1", "was expected", "homogeneous-1")
def squares(weights):
    return {name: each.square() for name, each in weights.items()}


@criterion("homogeneous-2", "was expected", "homogeneous-2")
def does_not_square(weights):
    return {name: each.abs() for name, each in weights.items()}


@criterion("zero-for-zero-weight", "a zero of", "zero-for-zero-weight")
def adds_a_constant(weights):
    return {name: each.abs() + 1e-12 for name, each in weights.items()}


@criterion("zero-for-zero-gradient", "scores", "zero-for-zero-gradient")
def adds_the_magnitude(weights, grads):
    return {name: (each * grads[name]).abs() + 1e-12 * each.abs() for name, each in weights.items()}


@criterion("zero-for-zero-gradient", "no derivative", "zero-for-zero-gradient")
def has_no_gradient(weights):
    return {name: each * 0 for name, each in weights.items()}


@criterion("loss-scale-invariant", "ranks", "loss-scale-invariant")
def mixes_units(weights, grads):
    return {name: each.abs() + grads[name].abs() for name, each in weights.items()}


@criterion("relu-rescaling-invariant", "expected_failures", "relu-rescaling-invariant")
def sees_the_scale_of_units(weights):
    return {name: each.abs() for name, each in weights.items()}


@criterion("unit-conserving", "Units between", "unit-conserving")
def loses_flow_in_units(weights, grads):
    return {name: (each * grads[name]).abs() for name, each in weights.items()}


@criterion("layer-conserving", "another layer", "layer-conserving", "sign-invariant")
def detaches_the_signs(weights, probe):
    flow = probe.gradients(inputs="ones", objective="sum-output", train_mode=False, double=True)  # at w, not at |w|
    return {name: (each.abs() * flow[name]).abs() for name, each in weights.items()}


# Schedules.


@schedule("one-value-per-step", "values")
def begins_before_the_first_step(target, steps):
    return [target * step / steps for step in range(steps + 1)]


@schedule("in-range", "at step 1")
def reaches_one(target, steps):
    return [1.0] * (steps - 1) + [target]


@schedule("monotone", "cumulative")
def decreases(target, steps):
    return [target / 2 + 0.1 / step for step in range(1, steps)] + [target]


@schedule("monotone", "cumulative")
def overshoots(target, steps):
    return [min(0.99, target + 0.01)] * (steps - 1) + [target]


@schedule("ends-on-target", "append target")
def ends_short(target, steps):
    return [target * (1 - 0.5**step) for step in range(1, steps + 1)]


@schedule("reproducible", "function of target")
def throws_dice(target, steps):
    return [*sorted(random.random() * target for _ in range(steps - 1)), target]


def answers_everything(target, steps):
    return [target] * steps


MUTANTS.append(Mutant("refuses-nonsense", Schedule("answers-everything", answers_everything, SOURCE), "BadConfig"))


# Allocations.


def fair(weights, keep):
    return proportional({name: int(np.prod(each.shape)) for name, each in weights.items()}, keep)


@allocation("names-and-whole-numbers", "counts for")
def forgets_a_tensor(weights, keep):
    return dict(list(fair(weights, keep).items())[1:])


@allocation("names-and-whole-numbers", "float")
def keeps_fractions_of_weights(weights, keep):
    return {name: float(count) for name, count in fair(weights, keep).items()}


@allocation("total-exact", "largest remainder")
def is_off_by_one(weights, keep):
    size = sum(int(np.prod(each.shape)) for each in weights.values())
    return {name: round(keep * int(np.prod(each.shape)) / size) if size else 0 for name, each in weights.items()}


@allocation("within-size", "make a tensor dense")
def exceeds_a_tensor(weights, keep):
    return {name: keep if place == 0 else 0 for place, name in enumerate(weights)}


@allocation("floors-honoured", "keeps")
def exceeds_a_tensor_as_a_scope(weights, keep):
    return {name: keep if place == 0 else 0 for place, name in enumerate(weights)}


@allocation("reproducible", "global random generator")
def moves_the_numpy_generator(weights, keep):
    np.random.rand()
    return fair(weights, keep)


@allocation("inputs-untouched", "copy before you alter")
def writes_to_weights(weights, keep):
    for each in weights.values():
        each *= 2
    return fair(weights, keep)


@allocation("ties-by-index", "instead of")
def turns_the_ranking(weights, keep):
    for each in weights.values():
        each *= -1
    return fair(weights, keep)


@allocation("order-irrelevant", "reverse order")
def fills_the_first_tensor_first(weights, keep):
    counts = {}
    for name, each in weights.items():
        counts[name] = min(keep, int(np.prod(each.shape)))
        keep -= counts[name]
    return counts


@allocation("numpy-and-torch-agree", "TypeError")
def knows_numpy_only(weights, keep):
    return proportional({name: each.size for name, each in weights.items()}, keep)


# Models.


class Plain(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.hidden = nn.Linear(int(np.prod(shape)), 4)
        self.classifier = nn.Linear(4, classes)

    def forward(self, x):
        return self.classifier(self.hidden(x.flatten(1)).relu())


class Moving(Plain):
    def __init__(self, shape, classes):
        super().__init__(shape, classes)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += 1
        return super().forward(x)


class Secretive(Plain):
    def __init__(self, shape, classes):
        super().__init__(shape, classes)
        self.secret = torch.randn(classes)

    def forward(self, x):
        return super().forward(x) + self.secret


class Detached(Plain):
    def forward(self, x):
        return self.classifier(self.hidden(x.flatten(1)).detach().relu())


class SinglePrecision(Plain):
    def forward(self, x):
        return super().forward(x.float())


class Features(Plain):
    def forward(self, x):
        return self.hidden(x.flatten(1))


class Contagious(Plain):
    def forward(self, x):
        logits = super().forward(x)
        return logits - logits.mean(0)


class DropsInEval(Plain):
    def forward(self, x):
        return nn.functional.dropout(super().forward(x), 0.5)


class NumpyInitialised(Plain):
    def __init__(self, shape, classes):
        super().__init__(shape, classes)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.from_numpy(np.random.default_rng(0).normal(size=parameter.shape)))


def numpy_global(shape, classes):
    np.random.rand()
    return Plain(shape, classes)


for law, build, says in (
    ("logits-shape", Features, "instead of"),
    ("seed-decides", NumpyInitialised, "another seed changes no weight"),
    ("globals-untouched", numpy_global, "generator of numpy"),
    ("globals-untouched", DropsInEval, "self.training"),
    ("state-dict-round-trip", Secretive, "parameters and buffers"),
    ("eval-is-pure", Moving, "self.training"),
    ("eval-is-pure", Contagious, "alone"),
    ("gradients-reach", Detached, "without detach"),
    ("probe-applies", SinglePrecision, "RuntimeError"),
):
    MUTANTS.append(Mutant(law, Model(build.__name__.lower(), build, SOURCE), says))


def misnamed(_):
    return ["hidden.weights"]


MUTANTS.append(Mutant("prunable-names", Model("misnamed", Plain, SOURCE, prunable=misnamed), "no parameter"))


# Selections.


@selection("count-exact", "survive")
def keeps_one_too_many(scores, *, sparsity=None, keep=None, **options):
    size = sum(each.size for each in scores.values())
    return select_masks(scores, keep=min(size, keep + 1 if keep is not None else round(size * (1 - sparsity)) + 1))


@selection("best-kept", "is dropped")
def breaks_ties_the_wrong_way(scores, **options):
    masks = select_masks({name: each.reshape(-1)[::-1] for name, each in scores.items()}, **options)
    return MaskSet.from_arrays({name: masks.array(name)[::-1].reshape(each.shape) for name, each in scores.items()})


@selection("nested", "revived")
def forgets_the_dead(scores, *, alive=None, **options):
    return select_masks(scores, **options)


@selection("floors-honoured", "is dropped")
def forgets_the_floor(scores, *, selection=None, **options):
    return select_masks(scores, **options)


@selection("order-irrelevant", "reverse order")
def ranks_equals_by_place(scores, **options):
    named = {f"{place:03}": each for place, each in enumerate(scores.values())}
    masks = select_masks(named, **options)
    return MaskSet.from_arrays({name: masks.array(key) for key, name in zip(named, scores, strict=True)})


@selection("inputs-untouched", "copy before you alter")
def normalises_in_place(scores, **options):
    for each in scores.values():
        each /= max(abs(each).max(initial=0), 1) + 1
    return select_masks(scores, **options)
