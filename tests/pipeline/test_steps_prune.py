"""Pruning that moves the survivors, through the real pipeline: at once, in iterations, and while training."""

import pytest
import torch

from pruneproof.errors import BadPlugin
from pruneproof.training.checkpoint import load_tensors
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet

DENSE = '{ do = "init" }, { do = "train", recipe = "dense" }'
METHODS = {
    "obs": f'{DENSE}, {{ do = "prune", criterion = "obs", select.scope = "uniform" }}, {{ do = "measure" }}',
    "magnitude": f'{DENSE}, {{ do = "prune", select.scope = "uniform" }}, {{ do = "measure" }}',
    "stepwise": f'{DENSE}, {{ do = "prune", criterion = "obs", select.scope = "uniform", schedule = "linear", '
    'iterations = 4 }, { do = "measure" }',
    "retrained": f'{DENSE}, {{ do = "prune", criterion = "obs" }}, {{ do = "train", recipe = "retrain" }}, '
    '{ do = "measure" }',
}


def masks(finished):
    return MaskSet.load(finished.file("mask.safetensors"))


def weights(finished):
    return load_tensors(finished.file("weights.safetensors"))[0]


def test_obs_moves_the_survivors_and_nothing_else(replay_steps):
    found = replay_steps(METHODS)["obs"]
    [dense], [pruned] = found.of("train"), found.of("prune")
    mask, before, after = masks(pruned), weights(dense), weights(pruned)
    for name, each in after.items():
        if name in mask:
            assert not each[~mask[name]].any()
            assert (each != before[name])[mask[name]].any()
        else:
            assert torch.equal(each, before[name])
    assert mask.count() == pytest.approx(keep_count(mask.size(), 0.8))


def test_a_criterion_that_only_scores_saves_no_weights(replay_steps):
    [pruned] = replay_steps(METHODS)["magnitude"].of("prune")
    assert set(pruned.outputs) == {"mask.safetensors", "selection.json"}


def test_the_survivors_make_up_for_what_is_pruned(replay_steps):
    found = replay_steps(METHODS)
    accuracy = {name: each.measured["end"]["accuracy"] for name, each in found.items()}
    assert accuracy["obs"] > accuracy["magnitude"]
    assert accuracy["stepwise"] > accuracy["magnitude"]


def test_in_iterations_each_scores_what_the_one_before_left(replay_steps):
    found = replay_steps(METHODS)
    once, stepwise = (found[name].of("prune")[0] for name in ("obs", "stepwise"))
    assert masks(stepwise).count() == masks(once).count()
    assert masks(stepwise) != masks(once)
    mask, after = masks(stepwise), weights(stepwise)
    assert all(not after[name][~mask[name]].any() for name in mask)


def test_training_goes_on_from_the_moved_survivors(replay_steps):
    steps = METHODS["retrained"].replace('"retrain" }', '"retrain", epochs = 0 }')
    found = replay_steps({"retrained": steps})["retrained"]
    [pruned], (_, trained) = found.of("prune"), found.of("train")
    before, after = weights(pruned), weights(trained)
    assert all(torch.equal(after[name], before[name]) for name in before)


GRADUAL = (
    '{ do = "init" }, { do = "train", recipe = "dense", epochs = 1 }, '
    '{ do = "train", recipe = "retrain", change.lr = 1e-30, gradual = { criterion = "obs", start = 0, end = 1 } }, '
    '{ do = "measure" }'
)


def test_gradual_pruning_moves_the_survivors_too(replay_steps):
    found = replay_steps({"gradual": GRADUAL})["gradual"]
    dense, gradual = found.of("train")
    mask, before, after = masks(gradual), weights(dense), weights(gradual)
    assert mask.count() == keep_count(mask.size(), 0.8)
    for name in mask:  # the learning rate is next to nothing: only pruning moves weights
        assert not after[name][~mask[name]].any()
        assert (after[name] - before[name])[mask[name]].abs().max() > 1e-3


LIAR = """
    from pruneproof.api import Criterion, Scored, Source, hookimpl

    def silent(weights):
        return Scored({name: each.abs() for name, each in weights.items()}, lambda alive: weights)

    def empty(weights):
        return {name: each.abs() for name, each in weights.items()}

    def wild(weights):
        return Scored(
            {name: each.abs() for name, each in weights.items()},
            lambda alive: {name: each * float("nan") for name, each in weights.items()},
        )

    def foreign(weights):
        return Scored({name: each.abs() for name, each in weights.items()}, lambda alive: {"nothing": alive})

    def raising(weights):
        return Scored({name: each.abs() for name, each in weights.items()}, lambda alive: 1 / 0)

    def given(function, **more):
        return Criterion(function.__name__, function, Source("A", 2026, "B"), **more)

    @hookimpl
    def pruneproof_criteria():
        others = [given(each, updates_survivors=True) for each in (empty, wild, foreign, raising)]
        return [given(silent), *others]
"""


@pytest.mark.parametrize(
    ("criterion", "says"),
    [
        ("silent", r"returned an update .* promises none"),
        ("empty", r"returned no update .* promises one"),
        ("wild", "finite numbers of shape"),
        ("foreign", '"nothing", which is no prunable weight'),
        ("raising", '"raising" .* raised ZeroDivisionError'),
    ],
)
def test_a_criterion_that_updates_otherwise_than_it_says_is_refused(replay_steps, install, criterion, says):
    install("liar", LIAR)
    steps = f'{{ do = "init" }}, {{ do = "prune", criterion = "{criterion}" }}, {{ do = "measure" }}'
    with pytest.raises(BadPlugin, match=says):
        replay_steps({"liar": steps}, plugins=["liar"])
