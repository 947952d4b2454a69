"""The survey's framework as steps: the runs, the checks, and the claims that read them."""

from pathlib import Path

import pytest

from pruneproof.papers.check_names import check_names
from pruneproof.papers.check_runs import every_step
from pruneproof.papers.load import load_paper
from pruneproof.papers.short_form import steps_of
from pruneproof.papers.steps import ApplyTransform, Gradual, Prune, Rewind, Search, Train
from pruneproof.papers.unjudged import unjudged
from pruneproof.registry.catalog import build_catalog

FOLDER = Path(__file__).parents[2] / "papers" / "emerging-paradigms"
PAPER = load_paper(FOLDER)
CATALOG = build_catalog(["builtin"])
CLAIMS = {claim.id: claim for claim in PAPER.claims.claim}
RERUN = [claim for claim in PAPER.claims.claim if claim.kind == "re-run"]
MINI = PAPER.runs.runs("mini")["conv"]
PILOT = {0, 1}
GROUPS = (
    "shuf",
    "reinit",
    "pat",
    "gap",
    "rand",
    "syn",
    "mag",
    "inv",
    "corrupt",
    "smart",
    "lth",
    "lrr",
    "dst",
    "erk",
    "gem",
)
GROUPS += ("ep", "wide", "mlp")


def steps(method, run=MINI):
    [found] = [each for each in run.methods if each.method == method][:1]
    return list(every_step(steps_of(run, found)))


def test_all_names_options_and_operands_are_known():
    check_names(PAPER, CATALOG)


@pytest.mark.parametrize("profile", PAPER.runs.profiles)
def test_what_is_measured_is_judged_or_named_with_a_reason(profile):
    assert [each for each in unjudged(PAPER, profile) if not each.why] == []


@pytest.mark.parametrize(
    ("method", "trained_before", "rewound", "trained_after"),
    [
        ("snip", 0, "", 1),
        ("synflow", 0, "", 1),
        ("finetune", 1, "", 1),
        ("lrr", 1, "", 1),
        ("lth-0", 1, "start", 1),
        ("lth-k", 2, "early", 1),
        ("early-crop", 2, "", 1),
        ("uniform", 0, "", 1),
    ],
)
def test_mask_and_weights_come_from_where_the_framework_says(method, trained_before, rewound, trained_after):
    found = steps(method)
    at = next(place for place, step in enumerate(found) if isinstance(step, Prune))
    assert sum(isinstance(step, Train) for step in found[:at]) == trained_before
    assert sum(isinstance(step, Train) for step in found[at:]) == trained_after
    assert [step.to for step in found if isinstance(step, Rewind)] == ([rewound] if rewound else [])


def test_sparse_selection_trains_no_weight_and_gem_miner_trains_them_afterwards():
    assert not any(isinstance(step, Train) for step in steps("edge-popup"))
    for method in ("edge-popup", "gem-miner"):
        assert sum(isinstance(step, Search) for step in steps(method)) == 1
    assert isinstance([step for step in steps("gem-miner") if isinstance(step, Train | Search)][-1], Train)


def test_masks_move_in_dynamic_and_gradual_training_and_nowhere_else():
    moving = {
        each.method
        for each in MINI.methods
        for step in every_step(steps_of(MINI, each))
        if isinstance(step, Train) and (step.updates or isinstance(step.gradual, Gradual))
    }
    assert moving == {"gmp", "granet", "rigl", "rigl-uniform", "set", "set-uniform"}


@pytest.mark.parametrize("profile", PAPER.runs.profiles)
def test_synflow_takes_a_hundred_exponential_steps_and_grasp_the_official_temperature(profile):
    for run in PAPER.runs.runs(profile).values():
        for method in run.methods:
            for step in every_step(steps_of(run, method)):
                if isinstance(step, Prune) and step.criterion.id == "synflow":
                    assert (step.iterations, step.schedule.id) == (100, "exponential")
                if isinstance(step, Prune) and step.criterion.id.startswith("grasp"):
                    assert step.criterion.options["temperature"] == (1.0 if method.method == "grasp-t1" else 200.0)


@pytest.mark.parametrize("profile", PAPER.runs.profiles)
def test_a_mask_is_shuffled_over_weights_that_pruning_has_not_zeroed(profile):
    """After a search or a training under a mask the weights must come back before the mask moves."""
    for run in PAPER.runs.runs(profile).values():
        for method in run.methods:
            zeroed = masked = False
            for step in every_step(steps_of(run, method)):
                if isinstance(step, ApplyTransform) and step.what.id.startswith("shuffle"):
                    assert not zeroed, method.method
                masked = masked or isinstance(step, Prune | Search)
                zeroed = isinstance(step, Search) or (zeroed and not isinstance(step, Rewind))
                zeroed = zeroed or (isinstance(step, Train) and masked)


def test_every_group_of_predicates_is_claimed_and_has_a_control_that_can_fail_it():
    for group in GROUPS:
        assert [claim for claim in RERUN if claim.id.startswith(f"t-{group}-")], group
    controls = [claim.id for claim in RERUN if "-n-" in claim.id]
    assert all(CLAIMS[each].strength == "negative-control" and "should fail" in CLAIMS[each].text for each in controls)
    without = {"mag", "syn", "mlp"}  # magnitude's collapse has SynFlow's as its control
    assert {each.split("-")[1] for each in controls} >= set(GROUPS) - without


def test_the_gap_and_the_sensitivity_are_claimed_at_equal_weights_and_at_equal_epochs():
    for pair in (("t-gap-weights", "t-gap-epochs"), ("t-pat-reinit", "t-pat-reinit-epochs")):
        weights, epochs = (CLAIMS[each] for each in pair)
        assert weights.test == epochs.test
        assert ("equal epochs in all" in weights.why, "equal epochs in all" in epochs.why) == (False, True)
        methods = {each.method for each in epochs.evidence["mini"].operands} - {"lrr"}
        assert all(each.endswith("long") for each in methods)


def test_four_to_six_claims_are_headlines_with_seeds_enough_to_decide_them_all():
    headlines = [claim for claim in RERUN if claim.headline]
    assert 4 <= len(headlines) <= 6
    assert {claim.strength for claim in headlines} <= {"stated", "implied"}
    for name, profile in PAPER.runs.profiles.items():
        assert not PILOT & set(profile.seeds)
        assert len(profile.seeds) >= (8 if name in ("mini", "cpu") else 5)


def test_every_comparison_says_by_which_budget():
    for claim in RERUN:
        compares = claim.test.id in ("paired-difference", "chosen-difference", "spread-ratio")
        if claim.id.startswith("t-") and compares:
            assert "udget: " in claim.why, claim.id
