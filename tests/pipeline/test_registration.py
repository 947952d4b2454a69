"""Claims are registered before the stages that they are judged by; what is added or changed later is post hoc."""

import json

import pytest

from pruneproof.errors import StoreCorrupt
from pruneproof.papers.load import load_paper
from pruneproof.papers.registration import claim_digest, registrable
from pruneproof.pipeline.prepare import prepare
from pruneproof.pipeline.registration import register
from pruneproof.pipeline.store import Store
from pruneproof.values.digests import digest_json


def edit(folder, old, new, file="claims.toml"):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


def post_hoc(record):
    return {claim.id for claim in record.claims if claim.post_hoc}


def test_a_claim_changed_after_its_measurements_is_post_hoc_for_good(replay, ask, tiny):
    first = replay(only=("mlp",))
    assert post_hoc(first) == set()
    assert len(first.registration) == 32
    assert first.registered <= first.created
    again = replay(only=("mlp",))
    assert (post_hoc(again), again.registration, again.registered) == (set(), first.registration, first.registered)
    edit(tiny, "value = 10.0", "value = 20.0")
    changed = replay(only=("mlp",))
    assert post_hoc(changed) == post_hoc(replay(only=("mlp",))) == {"learns"}
    assert changed.registration != first.registration
    assert changed.registered == first.registered  # of the claims that were fixed in time
    edit(tiny, "value = 20.0", "value = 10.0")
    assert post_hoc(replay(only=("mlp",))) == set()


def test_a_claim_changed_before_its_measurements_is_not(replay, tiny):
    replay(only=("fresh",))
    edit(tiny, "value = 10.0", "value = 20.0")
    assert post_hoc(replay(only=("mlp/dense",))) == set()


def test_claims_are_written_before_the_first_stage(ask):
    prepared = prepare(ask(), fetch=False)
    store = Store(prepared.request.store)
    found = register(store, prepared.paper, prepared.plan, prepared.finished)
    [path] = (store.root / "registrations").rglob("*.json")
    entries = json.loads(path.read_text()).values()
    assert {each["claim"] for each in entries} == {"learns", "ordered"}
    assert {each["registered"] for each in entries} == {found.latest}
    assert found.post_hoc == frozenset()
    late = register(Store(store.root / "other"), prepared.paper, prepared.plan, list(prepared.plan.stages))
    assert late.post_hoc == {"learns", "ordered"}
    assert late.latest == ""
    assert late.digest == digest_json({})


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("claims.toml", "value = 10.0", "value = 11.0"),
        ("claims.toml", 'method = "dense" }]', 'method = "dense", metric = "train-loss" }]'),
        ("claims.toml", 'id = "learns"', 'headline = true\nid = "learns"'),
        ("claims.toml", 'id = "ordered"', 'requires = ["learns"]\nid = "ordered"'),
        ("runs.toml", "seeds = [0, 1]", "seeds = [0, 1, 2]"),
    ],
)
def test_tests_operands_seeds_and_headlines_are_part_of_what_is_registered(tiny, file, old, new):
    before = load_paper(tiny)
    edit(tiny, old, new, file)
    after = load_paper(tiny)
    one, other = (
        [claim_digest(claim, paper, "mini") for claim in registrable(paper, "mini").values()]
        for paper in (before, after)
    )
    assert one != other


def test_words_are_not_part_of_it(tiny):
    before = load_paper(tiny)
    edit(tiny, "A dense network is better than chance.", "Better than chance.")
    edit(tiny, "an order of magnitude above a tenth", "chance")
    after = load_paper(tiny)
    assert claim_digest(before.claims.claim[0], before, "mini") == claim_digest(after.claims.claim[0], after, "mini")


def test_a_variant_registers_nothing(replay, ask):
    record = replay(settings=("mlp.recipe.dense.epochs=1",), only=("mlp/dense",))
    assert (record.registration, record.registered) == ("", "")
    assert not (ask().store / "registrations").exists()


@pytest.mark.parametrize(
    "content",
    [
        "not json",
        "[]",
        '{"a": 1}',
        '{"a": {}}',
        '{"a": {"claim": "b", "registered": "", "post_hoc": false, "looks": [{"seeds": [1]}]}}',
    ],
)
def test_a_damaged_file_is_named(ask, content):
    prepared = prepare(ask(), fetch=False)
    store = Store(prepared.request.store)
    register(store, prepared.paper, prepared.plan, ())
    [path] = (store.root / "registrations").rglob("*.json")
    path.write_text(content)
    with pytest.raises(StoreCorrupt, match="registered claims"):
        register(store, prepared.paper, prepared.plan, ())


def looks(record):
    return {claim.id: claim.looks for claim in record.claims if claim.looks}


def test_seeds_added_after_a_look_are_judged_at_what_it_left(replay):
    first = replay(only=("mlp/dense",), seeds=(0, 1, 2, 3, 4))
    assert looks(first) == {}
    more = replay(only=("mlp/dense",), seeds=(0, 1, 2, 3, 4, 5))
    assert looks(more) == {"learns": ((0, 1, 2, 3, 4),)}
    [learns] = [claim for claim in more.claims if claim.id == "learns"]
    assert (learns.spent, learns.left) == (1 / 32, pytest.approx(0.05 - 1 / 32))
    assert learns.verdict == "holds"  # six of six
    for seeds in ((0, 1, 2, 3, 4), (1, 3)):
        assert looks(replay(only=("mlp/dense",), seeds=seeds)) == {}, "no new look"
    again = replay(only=("mlp/dense",), seeds=(5, 4, 3, 2, 1, 0))
    assert looks(again) == looks(more)


def test_too_few_seeds_to_decide_are_no_look_and_a_variant_is_none(replay):
    replay(only=("mlp/dense",), seeds=(0, 1))
    replay(only=("mlp/dense",), seeds=(0, 1, 2, 3, 4), settings=("mlp.recipe.dense.epochs=1",))
    assert looks(replay(only=("mlp/dense",), seeds=(0, 1, 2, 3, 4))) == {}


def test_a_look_counts_where_the_papers_files_named_fewer_seeds(replay, tiny):
    edit(tiny, "seeds = [0, 1]", "seeds = [0, 1, 2, 3, 4]", "runs.toml")
    replay(only=("mlp/dense",))
    edit(tiny, "seeds = [0, 1, 2, 3, 4]", "seeds = [0, 1, 2, 3, 4, 5]", "runs.toml")
    assert looks(replay(only=("mlp/dense",))) == {"learns": ((0, 1, 2, 3, 4),)}
    edit(tiny, "value = 10.0", "value = 20.0")  # another question
    assert looks(replay(only=("mlp/dense",))) == {}


def test_entries_of_before_looks_were_kept_are_read(replay, ask):
    replay(only=("mlp/dense",), seeds=(0, 1, 2, 3, 4))
    [path] = (ask().store / "registrations").rglob("*.json")
    old = {digest: {"claim": each["claim"], "registered": each["registered"], "post_hoc": False}
           for digest, each in json.loads(path.read_text()).items()}  # fmt: skip
    path.write_text(json.dumps(old))
    assert looks(replay(only=("mlp/dense",), seeds=(0, 1, 2, 3, 4, 5))) == {}
    assert looks(replay(only=("mlp/dense",), seeds=(0, 1, 2, 3, 4, 5, 6))) == {"learns": ((0, 1, 2, 3, 4, 5),)}
