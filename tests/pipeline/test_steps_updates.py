"""Masks that move, through the real pipeline: counts stay, masks move, and a stop changes no bit."""

import pytest

from pruneproof.errors import BadConfig
from pruneproof.training.checkpoint import load_tensors
from pruneproof.training.train import train
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet

START = '{ do = "init" }, { do = "prune", criterion = "random", select.scope = "erk" }'
UPDATE = '{ id = "rigl", every = "4it", until = 0.75 }'


def moving(update=UPDATE, after=""):
    return f'{START}, {{ do = "train", recipe = "dense", updates = [{update}] }}, {after} {{ do = "measure" }}'


METHODS = {
    "rigl": moving(),
    "set": moving('{ id = "set", every = "4it", until = 0.75, drop = 0.5 }'),
    "still": f'{START}, {{ do = "train", recipe = "dense" }}, {{ do = "measure" }}',
}


def masks(finished):
    return MaskSet.load(finished.file("mask.safetensors"))


def weights(finished):
    return load_tensors(finished.file("weights.safetensors"))[0]


def test_rigl_and_set_move_the_mask_and_keep_the_counts_of_erk(replay_steps):
    found = replay_steps(METHODS)
    [drawn] = [masks(each) for each in found["still"].of("prune")]
    assert drawn.density("fc1.weight") < drawn.density("classifier.weight")
    moved = {name: masks(found[name].of("train")[0]) for name in ("rigl", "set")}
    for name, mask in moved.items():
        assert mask != drawn
        assert {tensor: mask.count(tensor) for tensor in mask} == {tensor: drawn.count(tensor) for tensor in drawn}
        trained = weights(found[name].of("train")[0])
        assert all(not trained[tensor][~mask[tensor]].any() for tensor in mask)
        assert all(trained[tensor][mask[tensor] & ~drawn[tensor]].any() for tensor in ("fc1.weight", "fc2.weight"))
        assert found[name].measured["end"]["densities"] == found["still"].measured["end"]["densities"]
    assert moved["rigl"] != moved["set"]


def test_what_follows_goes_on_with_the_mask_that_moved(replay_steps):
    first, second = replay_steps({"rigl": moving(after='{ do = "train", recipe = "retrain" },')})["rigl"].of("train")
    mask, after = masks(first), weights(second)
    assert "mask.safetensors" not in second.outputs
    assert all(not after[name][~mask[name]].any() for name in mask)
    assert all(after[name][mask[name]].count_nonzero() > 0.5 * mask.count(name) for name in mask)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_training_killed_while_masks_move_ends_with_the_same_bits(replay_steps, epoch, monkeypatch):
    monkeypatch.setitem(train.__kwdefaults__, "save_seconds", 0.0)
    whole = replay_steps(METHODS, store="undisturbed")
    told = []

    def kill(event):
        if event.kind == "progress" and event.total == 3 and event.done == epoch:
            raise Killed

    with pytest.raises(Killed):
        replay_steps(METHODS, on_event=kill)
    again = replay_steps(METHODS, on_event=lambda event: told.append((event.kind, event.done, event.total)))
    assert ("progress", epoch, 3) == next(each for each in told if each[0] == "progress" and each[2] == 3)
    for name in METHODS:
        assert [each.outputs for _, each in again[name].stages] == [each.outputs for _, each in whole[name].stages]


def test_an_option_that_is_out_of_range_is_refused_with_one_message(replay_steps):
    with pytest.raises(BadConfig, match=r"fraction to drop is 1\.5"):
        replay_steps({"rigl": moving('{ id = "rigl", every = "1it", drop = 1.5 }')})


def test_granet_ends_on_the_sparsity_of_the_method(replay_steps):
    start = START.replace("select.scope", "sparsity = 0.5, select.scope")
    update = '{ id = "granet", every = "4it", pruned_by = 0.5 }'
    steps = f'{start}, {{ do = "train", recipe = "dense", updates = [{update}] }}, {{ do = "measure" }}'
    found = replay_steps({"granet": steps})["granet"]
    drawn, moved = (masks(found.of(kind)[0]) for kind in ("prune", "train"))
    assert drawn.count() == keep_count(drawn.size(), 0.5)
    assert moved.count() == keep_count(moved.size(), 0.8)
    assert not moved.is_subset_of(drawn)
    trained = weights(found.of("train")[0])
    assert all(not trained[name][~moved[name]].any() for name in moved)
