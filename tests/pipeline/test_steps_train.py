"""Training steps through the real pipeline: rewinding, going on, and gradual pruning."""

import torch

from pruneproof.training.checkpoint import load_tensors
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet

METHODS = {
    "whole": '{ do = "init" }, { do = "prune" }, { do = "train", recipe = "dense" }, { do = "measure" }',
    "kept": '{ do = "init" }, { do = "prune" }, { do = "train", recipe = "dense", epochs = 1 }, '
    '{ do = "train", recipe = "dense", optimizer = "kept" }, { do = "measure" }',
    "fresh": '{ do = "init" }, { do = "prune" }, { do = "train", recipe = "dense", epochs = 1 }, '
    '{ do = "train", recipe = "dense" }, { do = "measure" }',
    "rewound": '{ do = "init" }, { do = "train", recipe = "dense", epochs = 1, name = "early" }, '
    '{ do = "train", recipe = "dense" }, { do = "prune" }, { do = "rewind", to = "early" }, '
    '{ do = "train", recipe = "dense" }, { do = "measure" }',
    "gradual": '{ do = "init" }, { do = "train", recipe = "dense", gradual = { start = 0, end = 2 } }, '
    '{ do = "measure" }',
}


def masks(finished):
    return MaskSet.load(finished.file("mask.safetensors"))


def weights(finished):
    return load_tensors(finished.file("weights.safetensors"))[0]


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_two_parts_of_a_recipe_with_the_optimizer_kept_are_the_whole_to_the_bit(replay_steps):
    found = replay_steps(METHODS)
    [whole], (part, kept), (_, fresh) = (found[name].of("train") for name in ("whole", "kept", "fresh"))
    assert same(weights(kept), weights(whole))
    assert not same(weights(fresh), weights(whole))
    assert "optimizer.safetensors" in part.outputs
    assert "optimizer.safetensors" not in kept.outputs


def test_rewinding_goes_back_to_the_weights_and_the_epoch_and_keeps_the_mask(replay_steps):
    found = replay_steps(METHODS)["rewound"]
    early, _, last = found.of("train")
    mask = masks(found.of("prune")[0])
    assert len(last.json("history.json")["loss"]) == 2  # epochs 1 and 2 of three
    after = weights(last)
    assert all(not after[name][~mask[name]].any() for name in mask)
    assert not same(weights(early), after)


def test_gradual_pruning_ends_on_the_target_and_saves_its_mask(replay_steps):
    [trained] = replay_steps(METHODS)["gradual"].of("train")
    mask, after = masks(trained), weights(trained)
    assert mask.count() == keep_count(mask.size(), 0.8)
    assert all(not after[name][~mask[name]].any() for name in mask)
