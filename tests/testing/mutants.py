"""Subjects of the first kinds that are each wrong in one way, and the law meant to tell."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from pruneproof.api import Allocation, CountingRule, Criterion, Floor, Model, Schedule, Scored, Source, Structure
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


def structure(law, says, **passport):
    def add(units):
        MUTANTS.append(Mutant(law, Structure(_id(units), units, SOURCE, "wrong", **passport), says))
        return units

    return add


def floor(law, says, **passport):
    def add(least):
        MUTANTS.append(Mutant(law, Floor(_id(least), least, SOURCE, "wrong", **passport), says))
        return least

    return add


def counting(law, says):
    def add(keep):
        MUTANTS.append(Mutant(law, CountingRule(_id(keep), keep, SOURCE, "wrong"), says))
        return keep

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


# Structures.


def filters(shapes):
    return {name: (1, *shape[1:]) for name, shape in shapes.items()}


def numbered_rows(shapes):
    """Number the output units of all tensors."""
    found, count = {}, 0
    for name, shape in shapes.items():
        found[name] = (count + np.arange(shape[0])).reshape(-1, *[1] * (len(shape) - 1))
        count += shape[0]
    return found


@structure("names-and-shapes", "places in")
def leaves_out_a_tensor(shapes):
    return dict(list(filters(shapes).items())[1:])


@structure("names-and-shapes", "places in")
def names_a_tensor_of_nobody(shapes):
    return {**filters(shapes), "nowhere.weight": (1,)}


@structure("names-and-shapes", "a list for")
def describes_sides_by_a_list(shapes):
    return {name: list(sides) for name, sides in filters(shapes).items()}


@structure("names-and-shapes", "sides (1,)")
def has_one_side_for_all_dimensions(shapes):
    return dict.fromkeys(shapes, (1,))


@structure("names-and-shapes", "numbers of shape")
def numbers_one_row_too_many(shapes):
    return {name: np.zeros((shape[0] + 1, *shape[1:]), dtype=int) for name, shape in shapes.items()}


@structure("units-cover", "whole numbers from 1")
def has_half_sides(shapes):
    return {name: tuple(side / 2 for side in sides) for name, sides in filters(shapes).items()}


@structure("units-cover", "write -1")
def has_a_unit_below_none(shapes):
    return {name: numbers - 2 for name, numbers in numbered_rows(shapes).items()}


@structure("units-scored", "alone")
def has_a_unit_of_biases_alone(shapes, module):
    biases = {name: each for name, each in module.named_parameters() if name not in shapes}
    return {**numbered_rows(shapes), **{name: np.full(each.shape, 10_000) for name, each in biases.items()}}


@structure("units-scored", "blocks in")
def cuts_biases_into_blocks(shapes, module):
    biases = {name: each for name, each in module.named_parameters() if name not in shapes}
    return {**filters(shapes), **{name: (1,) * each.dim() for name, each in biases.items()}}


TURNS = []


def turning(_):
    """Return 1 at every other call."""
    TURNS.append(1)
    return len(TURNS) % 2


@structure("whole-units", "answer the same")
def answers_by_rows_and_by_columns_in_turn(shapes):
    side = 0 if turning(shapes) else 1
    return {
        name: tuple(1 if axis == side else each for axis, each in enumerate(shape)) for name, shape in shapes.items()
    }


@structure("whole-units", "instead of", keep=lambda: 2)
def says_another_number_than_it_keeps(shapes):
    width = 4 if turning(shapes) else 3
    return {name: np.arange(int(np.prod(shape))).reshape(shape) // width for name, shape in shapes.items()}


@structure("count-exact", "units are alive instead of")
def splits_its_units_at_the_second_call(shapes):
    split = turning(shapes)
    return {name: (1, *shape[1:]) if split else (1,) * len(shape) for name, shape in shapes.items()}


@structure("reproducible", "at the second call")
def renumbers_its_units(shapes):
    shift = turning(shapes)
    return {name: numbers + shift for name, numbers in numbered_rows(shapes).items()}


@structure("reproducible", "global random generator")
def moves_the_generator_of_random(shapes):
    random.random()
    return filters(shapes)


@structure("inputs-untouched", "mapping of shapes")
def takes_shapes_out(shapes):
    return {name: (1, *shapes.pop(name)[1:]) for name in list(shapes)}


@structure("inputs-untouched", "was written to")
def writes_to_the_network(shapes, module):
    with torch.no_grad():
        for each in module.parameters():
            each.mul_(2)
    return filters(shapes)


@structure("inputs-untouched", "train mode")
def leaves_train_mode(shapes, module):
    module.train()
    return filters(shapes)


@structure("inputs-untouched", "gradient")
def leaves_gradients_behind(shapes, module, example):
    module(example).sum().backward()
    return filters(shapes)


# Floors.


@floor("names-and-whole-numbers", "a list")
def lists_its_floors(sizes):
    return [1 for _ in sizes]


@floor("names-and-whole-numbers", "floors for")
def names_a_tensor_that_is_not_there(sizes):
    return {**dict.fromkeys(sizes, 0), "nowhere.weight": 1}


@floor("names-and-whole-numbers", "float")
def protects_half_a_unit(sizes):
    return dict.fromkeys(sizes, 0.5)


@floor("names-and-whole-numbers", "-1")
def protects_less_than_none(sizes):
    return dict.fromkeys(sizes, -1)


@floor("names-and-whole-numbers", "for every tensor", final=True)
def forgets_a_tensor_in_the_end(sizes):
    return dict.fromkeys(list(sizes)[1:], 0)


@floor("names-and-whole-numbers", "for every tensor", final=True)
def keeps_more_than_there_is(sizes):
    return {name: size + 1 for name, size in sizes.items()}


@floor("floors-honoured", "answer the same")
def protects_at_the_first_call_alone(sizes):
    return dict.fromkeys(sizes, 2 * turning(sizes))


@floor("total-exact", "UnknownName")
def asks_for_too_much(sizes):
    return {"nowhere.weight": 1}


@floor("best-safe", "selection ranks")
def turns_the_scores(scores):
    for each in scores.values():
        each *= -1
    return dict.fromkeys(scores, 1)


@floor("best-safe", "selection ranks", final=True)
def turns_the_scores_in_the_end(scores):
    for each in scores.values():
        each *= -1
    return {name: each.size // 2 for name, each in scores.items()}


@floor("reproducible", "then")
def protects_in_turn(sizes):
    return dict.fromkeys(sizes, turning(sizes))


@floor("reproducible", "global random generator")
def draws_its_floors(sizes):
    return dict.fromkeys(sizes, random.randint(0, 100))


@floor("order-irrelevant", "reverse order")
def protects_the_first_tensor(sizes):
    return {name: 1 for name, _ in zip(sizes, range(1), strict=False)}


@floor("inputs-untouched", "were written to")
def sorts_the_scores(scores):
    for each in scores.values():
        each.sort()
    return dict.fromkeys(scores, 0)


@floor("inputs-untouched", "was altered")
def takes_sizes_out(sizes):
    return {name: sizes.pop(name) and 0 for name in list(sizes)}


# Counting rules.


@counting("in-range", "return an int")
def keeps_a_fraction(size, sparsity):
    return size * (1 - sparsity)


@counting("in-range", "clip to")
def keeps_one_unit_too_many(size, sparsity):
    return size + 1 - int(sparsity * size)


@counting("monotone", "round the same way")
def keeps_more_the_more_it_removes(size, sparsity):
    return int(sparsity * size)


@counting("nothing-removed-at-zero", "at sparsity 0")
def always_removes_one(size, sparsity):
    return max(0, size - int(sparsity * size) - 1)


@counting("close-to-asked", "not the one to keep")
def takes_sparsity_for_density(size, sparsity):
    return size if sparsity == 0 else int(size * sparsity)


@counting("close-to-asked", "were asked for")
def removes_twice_as_much(size, sparsity):
    return max(0, size - int(2 * sparsity * size))


@counting("reproducible", "then")
def counts_in_turn(size):
    return turning(size)


@counting("reproducible", "global random generator")
def draws_its_counts(size):
    return random.randint(0, size)


@counting("inputs-untouched", "before you sort")
def sorts_in_place(scores, sparsity):
    scores.sort()
    return scores.size - int(sparsity * scores.size)


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
