"""On which samples a network is scored."""

import pytest
import torch

from pruneproof.contracts.dataset import DataSet
from pruneproof.errors import BadConfig, BadPlugin
from pruneproof.pipeline.scoring import SCORING_BATCH, scoring_batches, scoring_samples
from pruneproof.registry.catalog import build_catalog
from pruneproof.training.seeding import stream
from pruneproof.values.masks import MaskSet


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return build_catalog(["builtin"]).get(DataSet, "digits").load(tmp_path_factory.mktemp("data"))


def sample(size=1000, per_class=None):
    return {"size": size, "per_class": per_class}


def test_so_many_samples_are_drawn_in_batches_of_256(digits):
    batches = scoring_batches(digits, sample(600), 0, 0)
    assert [len(labels) for _, labels in batches] == [SCORING_BATCH, SCORING_BATCH, 600 - 2 * SCORING_BATCH]


def test_more_than_there_are_gives_all(digits):
    assert sum(len(labels) for _, labels in scoring_batches(digits, sample(10**6), 0, 0)) == digits.size("train")


def test_a_last_batch_of_one_joins_the_one_before(digits):
    assert [len(labels) for _, labels in scoring_batches(digits, sample(SCORING_BATCH + 1), 0, 0)] == [
        SCORING_BATCH + 1
    ]


def test_a_balanced_sample_has_so_many_of_each_class_one_class_a_batch(digits):
    batches = scoring_batches(digits, sample(per_class=7), 0, 0)
    assert [set(labels.tolist()) for _, labels in batches] == [{label} for label in range(10)]
    assert {len(labels) for _, labels in batches} == {7}
    assert all(inputs.shape == (7, *digits.shape) for inputs, _ in batches)


def test_samples_of_a_class_are_of_that_class(digits):
    drawn = scoring_batches(digits, sample(per_class=3), 1, 0)
    known = {
        tuple(x.flatten().tolist()): int(y)
        for xs, ys in digits.batches("train", 2000)
        for x, y in zip(xs, ys, strict=True)
    }
    assert all(known[tuple(x.flatten().tolist())] == int(y) for xs, ys in drawn for x, y in zip(xs, ys, strict=True))


def test_a_class_with_too_few_samples_is_refused(digits):
    with pytest.raises(BadConfig, match=r"500 scoring samples of each class.*class \d has 1\d\d"):
        scoring_batches(digits, sample(per_class=500), 0, 0)


def test_each_seed_iteration_and_round_draws_its_own(digits):
    def drawn(*place):
        return scoring_batches(digits, sample(50), *place)[0][0]

    places = [(0, 0), (1, 0), (0, 1), (0, 0, 1)]
    for number, one in enumerate(places):
        assert torch.equal(drawn(*one), drawn(*one))
        assert all(not torch.equal(drawn(*one), drawn(*other)) for other in places[number + 1 :])


@pytest.mark.parametrize("how", [{"size": 50}, {"per_class": 3}])
def test_test_samples_are_drawn_where_a_mutant_asks_for_them(digits, how):
    def inputs(split):
        return {tuple(each.flatten().tolist()) for batch, _ in digits.batches(split, 5000) for each in batch}

    drawn = scoring_batches(digits, {**sample(**how), "split": "test"}, 0, 0)
    assert {tuple(each.flatten().tolist()) for batch, _ in drawn for each in batch} <= inputs("test")
    plain = scoring_batches(digits, sample(**how), 0, 0)
    assert {tuple(each.flatten().tolist()) for batch, _ in plain for each in batch} <= inputs("train")


def test_held_out_samples_are_never_drawn(digits):
    kept = digits.holdout(0.25, stream(0, "validation"))
    drawn = scoring_batches(kept, sample(10**6), 0, 0)
    assert sum(len(labels) for _, labels in drawn) == digits.size("train") - round(0.25 * digits.size("train"))


SCORED = '{ do = "prune", criterion = "snip", schedule = "exponential", iterations = 3, sample = { size = 40%s } }'


def masks(found):
    return MaskSet.load(found.of("prune")[0].file("mask.safetensors"))


def test_iterations_that_share_their_samples_choose_other_weights_than_fresh_ones(replay_steps):
    methods = {
        name: f'{{ do = "init" }}, {SCORED % more}, {{ do = "measure", metrics = ["densities"] }}'
        for name, more in {"fresh": "", "fixed": ", resample = false"}.items()
    }
    replayed = replay_steps(methods)
    found = {name: masks(replayed[name]) for name in methods}
    assert found["fixed"] != found["fresh"]
    assert found["fixed"].count() == found["fresh"].count()


def test_a_run_that_holds_samples_out_scores_on_the_others(replay_steps, install, tmp_path):
    install(
        "counter",
        """
        from pruneproof.api import Criterion, Source, hookimpl

        def score(probe, weights):
            [seen] = {len(each) for each in probe.sample_gradients().values()}
            assert seen == 1198 - round(0.25 * 1198), seen
            return {name: each.abs() for name, each in weights.items()}

        @hookimpl
        def pruneproof_criteria():
            return [Criterion("counter", score, Source("A. Tester", 2020, "Counter"))]
        """,
    )
    steps = (
        '{ do = "init" }, { do = "train", recipe = "dense", change = { validation = 0.25 } }, '
        '{ do = "prune", criterion = "counter", sample = { size = 5000 } }, { do = "measure" }'
    )
    assert replay_steps({"m": steps}, plugins=["counter"])


def test_a_criterion_is_given_the_weights_as_the_run_initialised_them(replay_steps, install):
    install(
        "moved",
        """
        import torch
        from pruneproof.api import Criterion, Source, hookimpl

        def still(weights, initial):
            assert all(torch.equal(weights[name], initial[name]) for name in weights)
            return {name: each.abs() for name, each in weights.items()}

        def moved(weights, initial, alive):
            assert not any(torch.equal(weights[name], initial[name]) for name in weights)
            return {name: (each - initial[name]).abs() for name, each in weights.items()}

        @hookimpl
        def pruneproof_criteria():
            source = Source("A. Tester", 2020, "Moved")
            return [Criterion("still", still, source), Criterion("moved", moved, source)]
        """,
    )
    steps = (
        '{ do = "init" }, { do = "prune", criterion = "still", sparsity = 0.5 }, { do = "train", recipe = "dense" }, '
        '{ do = "prune", criterion = "moved" }, { do = "measure" }'
    )
    assert replay_steps({"m": steps}, plugins=["moved"])


CHANGES = """
    from pruneproof.api import Source, Transform, Transformed, hookimpl

    def turned(inputs):
        return Transformed(inputs=-inputs)

    def reversed_(labels, classes):
        return Transformed(labels=classes - 1 - labels.flip(0))

    def fewer(labels):
        return Transformed(labels=labels[1:])

    def given(name, transform):
        return Transform(name, transform, Source("A", 2026, "B"), "Changes samples.")

    @hookimpl
    def pruneproof_transforms():
        return [given("turned", turned), given("reversed", reversed_), given("fewer", fewer)]
"""


def transformed(*ids):
    return sample(per_class=3) | {"transforms": [{"id": each, "options": {}} for each in ids]}


def test_transforms_see_all_samples_at_once_and_batches_keep_their_sizes(digits, install):
    install("changes", CHANGES)
    catalog = build_catalog(["builtin", "changes"])
    plain = scoring_batches(digits, sample(per_class=3), 0, 0)
    changed = scoring_samples(catalog, digits, transformed("turned", "reversed"), 0, 0)
    assert [len(labels) for _, labels in changed] == [3] * 10
    assert all(torch.equal(new, -old) for (new, _), (old, _) in zip(changed, plain, strict=True))
    labels = torch.cat([labels for _, labels in plain])
    assert torch.equal(torch.cat([labels for _, labels in changed]), 9 - labels.flip(0))


def test_a_transform_that_loses_samples_is_refused(digits, install):
    install("changes", CHANGES)
    with pytest.raises(BadPlugin, match=r'"fewer" made torch.int64 \(29,\) of scoring samples'):
        scoring_samples(build_catalog(["builtin", "changes"]), digits, transformed("fewer"), 0, 0)


def test_half_the_size_is_the_first_half_of_the_same_draw(digits):
    whole, half = (torch.cat([x for x, _ in scoring_batches(digits, sample(size), 3, 0)]) for size in (600, 300))
    assert torch.equal(half, whole[:300])
