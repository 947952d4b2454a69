"""Transforms through the real pipeline: what each changes, and what it leaves to the bit."""

import pytest
import torch

from pruneproof.errors import BadConfig, BadPlugin
from pruneproof.training.checkpoint import load_tensors
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet

SHUFFLES = ("shuffle-within-layers", "shuffle-globally")
PRUNE = '{ do = "init" }, { do = "prune", criterion = "magnitude", name = "chosen" }'


def changed(what, after='{ do = "train", recipe = "retrain" }, { do = "measure" }'):
    return f'{PRUNE}, {{ do = "transform", id = "{what}" }}, {after}'


METHODS = {
    "plain": f'{PRUNE}, {{ do = "train", recipe = "retrain" }}, {{ do = "measure" }}',
    **{each: changed(each) for each in (*SHUFFLES, "re-initialise", "signed-constant")},
    "inverted": '{ do = "init" }, { do = "prune", criterion = "magnitude", transforms = ["invert"] }, '
    '{ do = "train", recipe = "retrain" }, { do = "measure" }',
}


@pytest.fixture
def found(replay_steps):
    return replay_steps(METHODS)


def masks(finished):
    return MaskSet.load(finished.file("mask.safetensors"))


def weights(finished):
    return load_tensors(finished.file("weights.safetensors"))[0]


def test_a_shuffle_within_layers_keeps_every_count_and_moves_every_mask(found):
    [chosen], [shuffled] = found["plain"].of("prune"), found["shuffle-within-layers"].of("transform")
    before, after = masks(chosen), masks(shuffled)
    for name in before:
        assert after.count(name) == before.count(name)
        assert not torch.equal(after[name], before[name])
    assert set(shuffled.outputs) == {"mask.safetensors"}


def test_a_global_shuffle_keeps_the_total_and_evens_the_densities(found):
    [chosen], [shuffled] = found["plain"].of("prune"), found["shuffle-globally"].of("transform")
    before, after = masks(chosen), masks(shuffled)
    assert after.count() == before.count()
    assert spread(after) < 0.2 * spread(before)


def spread(mask):
    densities = [mask.density(name) for name in mask]
    return max(densities) - min(densities)


@pytest.mark.parametrize("what", SHUFFLES)
def test_places_that_a_shuffle_brings_alive_hold_the_initial_weights(replay_steps, what):
    untrained = '{ do = "train", recipe = "retrain", epochs = 0 }, { do = "measure" }'
    bare = replay_steps({what: changed(what, untrained)})[what]
    [init], [shuffled], [trained] = bare.of("init"), bare.of("transform"), bare.of("train")
    mask, before, after = masks(shuffled), weights(init), weights(trained)
    assert all(torch.equal(after[name], torch.where(mask[name], before[name], 0.0)) for name in mask)


def test_re_initialising_draws_all_weights_anew_and_keeps_the_mask(found):
    [init], [chosen], [fresh] = (found["re-initialise"].of(kind) for kind in ("init", "prune", "transform"))
    assert set(fresh.outputs) == {"weights.safetensors"}
    mask, before, after = masks(chosen), weights(init), weights(fresh)
    for name in mask:
        assert not after[name][~mask[name]].any()
        assert (after[name] != before[name])[mask[name]].all()
    assert (after["fc1.bias"] != before["fc1.bias"]).all()
    [trained] = found["re-initialise"].of("train")
    assert all(not weights(trained)[name][~mask[name]].any() for name in mask)


def test_signed_constants_keep_signs_and_mask(found):
    [init], [chosen], [constant] = (found["signed-constant"].of(kind) for kind in ("init", "prune", "transform"))
    mask, before, after = masks(chosen), weights(init), weights(constant)
    for name in mask:
        assert torch.equal(after[name].sign(), torch.where(mask[name], before[name], 0.0).sign())
        assert after[name][mask[name]].abs().unique().numel() == 1
    assert torch.equal(after["fc1.bias"], before["fc1.bias"])


def test_inverted_scores_keep_what_would_have_been_pruned_first(found):
    [plain], [turned] = found["plain"].of("prune"), found["inverted"].of("prune")
    assert masks(turned).count() == masks(plain).count() == keep_count(masks(plain).size(), 0.8)
    assert (masks(turned) & masks(plain)).count() == 0


def test_each_seed_and_round_shuffles_otherwise(replay_steps):
    rounds = '{ repeat = 2, steps = [{ do = "prune" }, { do = "transform", id = "shuffle-within-layers" }] }'
    steps = f'{{ do = "init" }}, {rounds}, {{ do = "measure" }}'
    first, second = replay_steps({"twice": steps})["twice"].of("transform")
    assert masks(second).count() < masks(first).count()
    assert not masks(second).is_subset_of(masks(first))


def test_each_round_initialises_anew(replay_steps):
    rounds = '{ repeat = 2, steps = [{ do = "prune" }, { do = "transform", id = "re-initialise" }] }'
    steps = f'{{ do = "init" }}, {rounds}, {{ do = "measure" }}'
    first, second = replay_steps({"twice": steps})["twice"].of("transform")
    assert (weights(first)["fc1.bias"] != weights(second)["fc1.bias"]).all()


LIAR = """
    from pathlib import Path
    from pruneproof.api import Source, Transform, Transformed, hookimpl

    def kill(alive):
        return Transformed(alive={name: each & False for name, each in alive.items()})

    def numbers(alive):
        return Transformed(alive={name: each.float() for name, each in alive.items()})

    def wild(alive, weights):
        raise ZeroDivisionError("nothing left")

    def given(name, transform, *keeps):
        return Transform(name, transform, Source("A", 2026, "B"), "Lies.", keeps=frozenset(keeps))

    @hookimpl
    def pruneproof_transforms():
        return [
            given("kills-counts", kill, "counts", "weights"),
            given("kills-total", kill, "total", "weights"),
            given("kills-mask", kill, "mask"),
            given("numbers", numbers, "weights"),
            given("wild", wild, "weights"),
        ]
"""


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("kills-counts", "number of alive weights of a tensor, although it promises"),
        ("kills-total", "number of alive weights, although it promises"),
        ("kills-mask", "changes the mask, although it promises to keep it"),
        ("numbers", "not bool"),
        ("wild", r'"wild" .* raised ZeroDivisionError: nothing left'),
    ],
)
def test_a_transform_that_breaks_its_promise_is_refused(replay_steps, install, what, says):
    install("liar", LIAR)
    with pytest.raises(BadPlugin, match=says):
        replay_steps({what: changed(what)}, plugins=["liar"])


def test_a_transform_of_scores_is_no_step_and_a_transform_of_masks_no_transform_of_scores(replay_steps):
    with pytest.raises(BadConfig, match="Name it in `transforms` of a prune step"):
        replay_steps({"wrong": changed("invert")})
    steps = '{ do = "init" }, { do = "prune", transforms = ["shuffle-globally"] }, { do = "measure" }'
    with pytest.raises(BadConfig, match="changes scores, by transforms of"):
        replay_steps({"wrong": steps})


def test_orthp_makes_what_is_left_of_each_layer_orthogonal_after_shrinking_too(replay_steps):
    prune = (
        '{ do = "init" }, { do = "prune", criterion = "magnitude", '
        'select = { structure = "filter", scope = "tensor", unprunable = ["classifier.*"] } }, { do = "shrink" }'
    )
    train = '{ do = "train", recipe = "retrain", watch = ["mean-jsv", "accuracy", "train-accuracy"] }'
    metrics = '"mean-jsvs", "accuracies", "trainability-accuracy-train", { id = "trainability-accuracy", first = 1 }'
    found = replay_steps(
        {
            "orthp": f'{prune}, {{ do = "transform", id = "orthp", gain = 2.0 }}, '
            f'{{ do = "measure", name = "before", metrics = ["jsv-max"] }}, {train}, '
            f'{{ do = "measure", metrics = [{metrics}] }}'
        }
    )["orthp"]
    for name, weight in weights(found.of("transform")[0]).items():
        if name.endswith("weight"):
            values = torch.linalg.svdvals(weight.double())
            torch.testing.assert_close(values, torch.full_like(values, 2.0), rtol=1e-5, atol=0)
            assert min(weight.shape) < 20  # the mask has left a fifth of 40 and 20
    assert 0 < found.measured["before"]["jsv-max"] <= 8 + 1e-4  # three layers that lengthen nothing more than twofold
    [history] = [each.json("history.json") for each in found.of("train")]
    end = found.measured["end"]
    assert end["mean-jsvs"] == history["watched"]["mean-jsv"]
    assert len(end["mean-jsvs"]) == 2
    assert end["trainability-accuracy"] == history["watched"]["accuracy"][0] == end["accuracies"][0]
    assert end["trainability-accuracy-train"] == pytest.approx(sum(history["watched"]["train-accuracy"]) / 2)
