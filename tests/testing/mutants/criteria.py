"""Criteria that are each wrong in one way, and the law meant to tell."""

import random

import numpy as np
import torch
from torch import nn

from mutants.mutant import MUTANTS, SOURCE, Mutant, criterion, id_of
from pruneproof.api import Criterion, Scored

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
    MUTANTS.append(
        Mutant("survivors-as-promised", Criterion(id_of(score), score, SOURCE, updates_survivors=True), says)
    )


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
