"""A mask that is searched, through the real pipeline."""

import pytest
import torch

from pruneproof.errors import BadConfig
from pruneproof.training.checkpoint import load_tensors
from pruneproof.training.search import Searching
from pruneproof.training.train import train
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet


def steps(*, before="", options="", after=""):
    search = f'{{ do = "search", id = "edge-popup", {options} recipe = "dense" }}'
    return f'{{ do = "init" }}, {before} {search}, {after} {{ do = "measure" }}'


METHODS = {
    "layer": steps(),
    "global": steps(options='scope = "global",'),
    "signed": steps(before='{ do = "transform", id = "signed-constant" },'),
    "trained": steps(after='{ do = "train", recipe = "retrain" },'),
}


def masks(finished):
    return MaskSet.load(finished.file("mask.safetensors"))


def weights(finished):
    return load_tensors(finished.file("weights.safetensors"))[0]


def test_the_weights_stay_at_their_initialisation_and_the_count_is_exact(replay_steps):
    found = replay_steps(METHODS)
    for name in ("layer", "global"):
        [init], [searched] = found[name].of("init"), found[name].of("search")
        mask, before, after = masks(searched), weights(init), weights(searched)
        assert mask.count() == keep_count(mask.size(), 0.8)
        for tensor, each in after.items():
            expected = torch.where(mask[tensor], before[tensor], 0.0) if tensor in mask else before[tensor]
            assert torch.equal(each, expected)
    shares = {name: masks(found[name].of("search")[0]) for name in ("layer", "global")}
    assert all(shares["layer"].density(each) == pytest.approx(0.2, abs=2e-3) for each in shares["layer"])
    assert shares["global"].density("classifier.weight") != pytest.approx(0.2, abs=2e-3)


def test_from_signed_constants_all_survivors_of_a_tensor_have_one_magnitude(replay_steps):
    [searched] = replay_steps(METHODS)["signed"].of("search")
    mask, after = masks(searched), weights(searched)
    assert all(after[name][mask[name]].abs().unique().numel() == 1 for name in mask)


def test_a_found_mask_can_be_trained(replay_steps):
    found = replay_steps(METHODS)["trained"]
    [searched], [trained] = found.of("search"), found.of("train")
    mask, before, after = masks(searched), weights(searched), weights(trained)
    for name in mask:
        assert not after[name][~mask[name]].any()
        assert not torch.equal(after[name], before[name])
    assert searched.json("history.json")["loss"] == sorted(searched.json("history.json")["loss"], reverse=True)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_search_killed_at_work_ends_with_the_same_bits(replay_steps, epoch, monkeypatch):
    monkeypatch.setitem(Searching.run.__kwdefaults__, "save_seconds", 0.0)
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


def test_a_network_that_is_pruned_already_is_refused_with_what_to_do(replay_steps):
    with pytest.raises(BadConfig, match="Leave out the step that prunes before it"):
        replay_steps({"twice": steps(before='{ do = "prune", sparsity = 0.5 },')})


def test_a_scope_that_does_not_exist_is_refused_with_one_message(replay_steps):
    with pytest.raises(BadConfig, match='scope of edge-popup is "row"'):
        replay_steps({"row": steps(options='scope = "row",')})


def test_gem_miner_leaves_exactly_the_survivors_and_its_weights_are_trained_afterwards(replay_steps):
    method = steps(options="", after='{ do = "train", recipe = "retrain" },')
    found = replay_steps({"gem": method.replace("edge-popup", "gem-miner")})["gem"]
    [searched], [trained] = found.of("search"), found.of("train")
    mask = masks(searched)
    assert mask.count() == keep_count(mask.size(), 0.8)
    assert all(not weights(trained)[name][~mask[name]].any() for name in mask)
