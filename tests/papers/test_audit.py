"""At which set-up experiments may be compared: the settings that Wang et al. (2023) list, and laws of any audit."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.papers.audit import AGAINST_SCRATCH, LADDER, audit
from pruneproof.papers.audit_card import SETTINGS, Base, Card, Stage
from pruneproof.papers.audit_file import read_card
from pruneproof.registry.catalog import build_catalog

IMAGENET = {
    "dataset": "imagenet",
    "network": "resnet-50",
    "granularity": "filter",
    "speedup": 2.31,
    "base": {"weights": "0676ba61"},
}
ONE_SHOT = {"epochs": 0}


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    """Make a card as its author would, out of a file."""
    folder, catalog = tmp_path_factory.mktemp("cards"), build_catalog(["builtin"])

    def make(name, **content):
        path = folder / f"{name}.json"
        path.write_text(json.dumps({"name": name, **IMAGENET, **content}))
        return read_card(path, catalog)

    return make


def steps(epochs, lr, *at):
    return {"epochs": epochs, "lr": lr, "lr_schedule": {"id": "milestones", "at": at}}


# Table 3 of the paper: how methods were finetuned. It gives no epochs for SSL and none in all for HRank.
TABLE_3 = {
    "SSL": {"lr": 0.01, "lr_schedule": "constant"},
    "L1-norm": {"epochs": 20, "lr": 0.001, "lr_schedule": "constant"},
    "DCP": steps(60, 0.01, 36, 48, 54),
    "GAL": steps(30, 0.01, 10, 20),
    "Taylor-FO": steps(25, 0.01, 10, 20),
    "Factorized": steps(90, 0.01, 30, 60),
    "CCP-AC": steps(100, 0.001, 30, 60, 90),
    "HRank": {"lr": 0.01, "lr_schedule": {"id": "milestones", "at": [10, 20]}},
    "GReg": steps(90, 0.01, 30, 60, 75),
    "ResRep": {"epochs": 180, "lr": 0.01, "lr_schedule": "cosine", "lr_update": "epoch"},
    "L1-norm, again": steps(90, 0.01, 30, 60, 75),
}


@pytest.fixture
def again(card):
    return card("again", prune=ONE_SHOT, retrain=TABLE_3["L1-norm, again"])


@pytest.mark.parametrize(
    ("method", "pruning", "level", "field", "same"),
    [
        ("SSL", None, "S2", "retrain.epochs", None),
        ("L1-norm", 0, "S2", "retrain.epochs", False),
        ("DCP", None, "S2", "retrain.epochs", False),
        ("GAL", None, "S2", "retrain.epochs", False),
        ("Taylor-FO", None, "S2", "retrain.epochs", False),
        ("Factorized", None, "S3.1", "retrain.lr", False),
        ("CCP-AC", None, "S2", "retrain.epochs", False),
        ("HRank", None, "S2", "retrain.epochs", None),
        ("GReg", 10, "S3.2", "prune.epochs", False),
        ("GReg", None, "S3.2", "prune.epochs", None),
        ("ResRep", None, "S2", "retrain.epochs", False),
    ],
)
def test_a_published_method_against_the_l1_norm_retrained_for_90_epochs(
    method, pruning, level, field, same, card, again
):
    found = audit(card(method, prune={"epochs": pruning}, retrain=TABLE_3[method]), again)
    assert found.level == level
    [block] = found.blocks.values()
    assert (block.field, block.same) == (field, same)
    assert found.possible[-1] == (level if same is False else "S4.2")


def test_an_experiment_and_its_repetition_stand_at_the_strictest_level(again):
    found = audit(again, again)
    assert (found.level, found.blocks, found.advantages) == ("S4.2", {}, ())


def test_what_the_blocked_field_is_and_who_had_the_advantage_is_told(card, again):
    old = card("L1-norm", prune=ONE_SHOT, retrain=TABLE_3["L1-norm"])
    found = audit(old, again)
    assert [(each.field, each.first, each.second) for each in found.blocks.values()] == [("retrain.epochs", 20, 90)]
    assert [(each.what, each.is_first) for each in found.advantages] == [
        ("more retraining epochs", False),
        ("a larger learning rate in retraining", False),
    ]


@pytest.mark.parametrize("accuracies", [(76.01, 76.13), (76.15, 76.18), (75.40, 75.34)])
def test_bases_of_other_accuracies_have_other_weights(accuracies, card):
    first, second = (card(f"at {each}", base={"accuracy": each}) for each in accuracies)
    found = audit(first, second)
    assert (found.level, found.possible) == ("S1", ("S1",))
    assert [each.what for each in found.advantages] == ["a better base"]


def test_bases_of_one_accuracy_are_not_proved_to_be_the_same_weights(card):
    base = {"accuracy": 76.13}
    same, other = card("one", base=base), card("other", base=base)
    assert (audit(same, other).level, audit(same, other).possible[-1]) == ("S1", "S4.2")
    assert "base" in audit(same, other).unknown[0]
    hashed = [card(name, base={**base, "weights": name}) for name in ("one", "other")]
    assert audit(*hashed).possible == ("S1",)


def test_speed_ups_of_one_block_of_a_table_are_the_same_only_to_a_wide_tolerance(card):
    slow, fast = card("ProvableFP", speedup=1.43), card("GReg-1", speedup=2.31)
    assert audit(slow, fast).level is None
    assert audit(slow, fast, tolerance=0.9).level == "S2"
    assert [(each.what, each.is_first) for each in audit(slow, fast).advantages] == [("a smaller speed-up", True)]


def test_the_same_sparsity_is_enough_where_speed_ups_differ(card):
    one, other = card("one", speedup=2.0, sparsity=0.9), card("other", speedup=4.0, sparsity=0.9)
    assert audit(one, other).level == "S2"


SCRATCH = steps(120, 0.1, 30, 60, 90, 105)


def scratch(card, speedup):
    return card("scratch", scratch=True, base={}, speedup=speedup, retrain=SCRATCH)


def pruned(card, before, after, speedup=1.93):
    start = {"epochs": before, "lr": 0.1, "lr_schedule": "constant"}
    return card("pruned", speedup=speedup, pretrain=start, prune=ONE_SHOT, retrain=after)


def test_one_schedule_that_pruning_interrupts_is_that_of_scratch(card):
    found = audit(pruned(card, 30, steps(90, 0.01, 30, 60, 75)), scratch(card, 1.93))
    assert (found.level, found.levels) == ("S4.2", AGAINST_SCRATCH)
    assert "SX-A" in found.proved
    assert "SX-B" not in found.proved


def test_a_larger_learning_rate_after_pruning_keeps_the_epochs_alone(card):
    found = audit(pruned(card, 30, steps(90, 0.1, 30, 60, 75, 83)), scratch(card, 1.93))
    assert found.level == "SX-A"
    assert found.blocks["S4.2"].field == "lr in all"
    top = next(each for each in found.advantages if each.what == "more epochs at the largest learning rate")
    assert (top.is_first, top.first, top.second) == (True, 60, 30)


@pytest.mark.parametrize("speedup", [1.11, 1.41, 1.93, 3.09, 7.68, 12.06])
def test_fewer_dense_epochs_make_the_same_cost(speedup, card):
    found = audit(pruned(card, 30 / speedup, steps(90, 0.1, 30, 60, 75, 83), speedup), scratch(card, speedup))
    assert found.level == "SX-B"
    assert found.first.cost == pytest.approx(120)


def test_a_slower_network_costs_more_epochs_than_it_has(card):
    one = pruned(card, 30, SCRATCH, speedup=None)
    assert one.cost is None
    found = audit(one, scratch(card, None))
    assert found.level is None
    assert "multiply-adds in all" in found.unknown[0]
    assert "multiply-adds in all" not in found.unknown[1]


def test_assumptions_are_held_against_both_and_what_is_not_told_is_listed(card):
    told = {"optimizer": "SGD", "weight_decay": 1e-4, "batch": 256, "augment": ["crop", "flip"]}
    first = card("first", report="last", retrain=TABLE_3["GReg"] | told)
    second = card("second", report="best-on-test", retrain=TABLE_3["GReg"] | told | {"batch": 64, "optimizer": "sgd"})
    found = audit(first, second)
    assert {each.field: (each.first, each.second) for each in found.violated} == {
        "report": ("last", "best-on-test"),
        "retrain.batch": (256, 64),
    }
    assert "retrain.momentum" in found.unknown[0]
    assert "retrain.momentum" in found.unknown[1]
    assert "prune.batch" in found.unknown[0]
    one_shot = audit(*(replace(each, prune=Stage(0, ())) for each in (first, second)))
    assert not any(field.startswith("prune.") for field in one_shot.unknown[0])


def test_another_granularity_is_no_level(card):
    found = audit(card("filters"), card("weights", granularity="weight"))
    assert (found.level, found.possible) == (None, ())
    assert found.blocks["S1"].field == "granularity"


def test_a_field_that_differs_is_named_before_one_that_is_unknown(card):
    found = audit(card("one", dataset=None), card("other", granularity="weight"))
    assert found.blocks["S1"].field == "granularity"
    assert "dataset" in found.unknown[0]
    assert "dataset" not in found.unknown[1]


def test_what_the_set_ups_were_not_made_for_is_said(card):
    found = audit(card("rounds", rounds=5), card("early", pretrain=ONE_SHOT))
    assert ["5 iterations" in each for each in found.outside] == [True, False]
    assert "initialisation" in found.outside[1]
    assert audit(*[card("at once", rounds=5, prune=ONE_SHOT)] * 2).outside == ()


# Laws of any two experiments. Few values, so that fields agree often enough.

few = st.sampled_from([0, 1, 2])
stages = st.builds(
    lambda epochs, lr, momentum: Stage(epochs, (lr / 10,) * 100 * epochs, dict.fromkeys(SETTINGS, momentum)),
    few, few, few,
)  # fmt: skip
cards = st.builds(
    Card,
    name=st.just("some"),
    dataset=st.sampled_from("ab"),
    network=st.sampled_from("ab"),
    granularity=st.just("weight"),
    sparsity=st.sampled_from([0.5, 0.9]),
    speedup=st.sampled_from([2.0, 3.0]),
    rounds=st.just(1),
    report=st.sampled_from(["last", "best-on-test"]),
    base=st.builds(Base, st.sampled_from([("a",), ("b",)])),
    pretrain=stages,
    prune=stages,
    retrain=stages,
    is_scratch=st.booleans(),
)
FORGOTTEN = {
    "dataset": lambda card: replace(card, dataset=None),
    "size": lambda card: replace(card, sparsity=None, speedup=None),
    "base": lambda card: replace(card, base=Base()),
    "pretrain": lambda card: replace(card, pretrain=Stage()),
    "prune": lambda card: replace(card, prune=Stage()),
    "retrain": lambda card: replace(card, retrain=replace(card.retrain, rates=None)),
}


@given(cards, cards)
def test_the_order_of_two_experiments_does_not_matter(one, other):
    found, swapped = audit(one, other), audit(other, one)
    assert (found.proved, found.possible, found.unknown) == (swapped.proved, swapped.possible, swapped.unknown[::-1])
    assert {each.what: each.is_first for each in found.advantages} == {
        each.what: not each.is_first for each in swapped.advantages
    }


@given(cards)
def test_an_experiment_may_be_compared_with_itself_at_every_level(one):
    found = audit(one, one)
    assert found.proved == tuple(level.id for level in LADDER)
    assert (found.blocks, found.advantages, found.violated, found.unknown) == ({}, (), (), ((), ()))


@given(cards, cards, st.sets(st.sampled_from(sorted(FORGOTTEN))))
def test_what_is_forgotten_proves_nothing_and_excludes_nothing(one, other, forgotten):
    whole, part = audit(one, other), one
    for name in forgotten:
        part = FORGOTTEN[name](part)
    found = audit(part, other)
    assert set(found.proved) <= set(whole.proved) <= set(whole.possible) <= set(found.possible)


@given(cards, cards)
def test_every_level_rests_on_the_easier_one_that_it_names(one, other):
    found = audit(one, other)
    for level in found.levels:
        if level.id in found.proved:
            assert level.needs is None or level.needs in found.proved
        else:
            assert level.id in found.blocks or level.needs not in found.proved
