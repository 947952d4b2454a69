"""Growing regularisation through the real pipeline: choose, push, prune."""

import pytest
import torch

from pruneproof.errors import BadConfig
from pruneproof.training.checkpoint import load_tensors
from pruneproof.values.masks import MaskSet

CHOOSE = '{ do = "init" }, { do = "train", recipe = "dense" }, { do = "prune", apply = false, name = "chosen" }'
GROW = '{ id = "greg-1", marked = "chosen", delta = 0.5, every = 1, ceiling = 8.0 }'
METHODS = {
    "grown": f'{CHOOSE}, {{ do = "train", recipe = "retrain", regularizers = [{GROW}] }}, '
    '{ do = "adopt", mask = "chosen" }, { do = "measure" }',
    "plain": f'{CHOOSE}, {{ do = "train", recipe = "retrain" }}, {{ do = "adopt", mask = "chosen" }}, '
    '{ do = "measure" }',
    "sparse": '{ do = "init" }, { do = "train", recipe = "dense", regularizers = [{ id = "l1", factor = 0.01 }] }, '
    '{ do = "measure" }',
}


def masks(finished):
    return MaskSet.load(finished.file("mask.safetensors"))


def weights(finished):
    return load_tensors(finished.file("weights.safetensors"))[0]


def test_marked_weights_shrink_stay_alive_until_adopted_and_the_others_stay_large(replay_steps):
    found = replay_steps(METHODS)
    chosen = masks(found["grown"].of("prune")[0])
    assert found["grown"].of("prune")[0].outputs == found["plain"].of("prune")[0].outputs
    grown, plain = (weights(found[name].of("train")[1]) for name in ("grown", "plain"))
    for name in chosen:
        marked = ~chosen[name]
        assert plain[name][marked].abs().mean() > 0.01
        assert grown[name][marked].abs().mean() < 0.25 * plain[name][marked].abs().mean()
        assert grown[name][chosen[name]].abs().mean() > 0.5 * plain[name][chosen[name]].abs().mean()
        assert grown[name][marked].any()
    assert found["grown"].measured["end"]["densities"] == {name: chosen.density(name) for name in chosen}
    losses = {name: found[name].of("train")[1].json("history.json")["loss"] for name in ("grown", "plain")}
    assert losses["grown"][-1] < 2 * losses["plain"][-1] + 0.5  # the penalty is no part of it


def test_pruning_what_was_pushed_to_zero_costs_less_than_pruning_it_at_once(replay_steps):
    found = replay_steps(METHODS)
    assert found["grown"].measured["end"]["accuracy"] > found["plain"].measured["end"]["accuracy"]


def test_l1_leaves_smaller_weights(replay_steps):
    found = replay_steps(METHODS)
    size = {}
    for name in ("plain", "sparse"):
        trained = weights(found[name].of("train")[0])
        size[name] = sum(float(each.abs().sum()) for key, each in trained.items() if "weight" in key)
    assert size["sparse"] < 0.7 * size["plain"]


def test_greg_2_picks_late_and_tpp_goes_through_the_pipeline(replay_steps):
    pick = '{ do = "train", recipe = "retrain", regularizers = [{ id = "greg-2-pick", delta = 0.01, every = 1 }] }'
    choose = '{ do = "prune", apply = false, name = "chosen", select = { structure = "filter", scope = "tensor" } }'

    def push(what, more=""):
        grow = f'{{ id = "{what}", marked = "chosen", delta = 0.5, every = 1, ceiling = 8.0{more} }}'
        return f'{{ do = "train", recipe = "retrain", regularizers = [{grow}] }}, {{ do = "adopt", mask = "chosen" }}'

    start = '{ do = "init" }, { do = "train", recipe = "dense" }'
    found = replay_steps(
        {
            "greg-2": f'{start}, {pick}, {choose}, {push("greg-2")}, {{ do = "measure" }}',
            "tpp": f'{start}, {choose}, {push("tpp", ", factor = 1.0")}, {{ do = "measure" }}',
        }
    )
    for method, places in {"greg-2": (2, 1), "tpp": (1, 0)}.items():
        chosen = masks(found[method].of("prune")[0])
        after, before = (weights(found[method].of("train")[place]) for place in places)
        for name in chosen:
            marked = ~chosen[name]
            assert after[name][marked].norm() < 0.35 * before[name][marked].norm()
            assert after[name][~marked].norm() > 0.5 * before[name][~marked].norm()


class Killed(BaseException):
    pass


def test_a_training_killed_while_the_penalty_grows_ends_with_the_same_bits(replay_steps):
    whole = replay_steps(METHODS, store="undisturbed")

    def kill(event):
        if event.kind == "progress" and event.total == 2 and event.done == 1:
            raise Killed

    with pytest.raises(Killed):
        replay_steps(METHODS, on_event=kill)
    again = replay_steps(METHODS)
    for name in METHODS:
        assert [each.outputs for _, each in again[name].stages] == [each.outputs for _, each in whole[name].stages]


def test_growing_without_a_step_that_marks_is_refused_with_what_to_write(replay_steps):
    steps = METHODS["grown"].replace('marked = "chosen", ', "")
    with pytest.raises(BadConfig, match="asks for marked weights"):
        replay_steps({"grown": steps})


def test_marks_and_masks_go_together(replay_steps):
    steps = METHODS["grown"].replace('{ do = "measure" }', '{ do = "train", recipe = "retrain" }, { do = "measure" }')
    found = replay_steps({"grown": steps})["grown"]
    chosen, after = masks(found.of("prune")[0]), weights(found.of("train")[2])
    assert all(torch.equal(after[name] != 0, (after[name] != 0) & chosen[name]) for name in chosen)
