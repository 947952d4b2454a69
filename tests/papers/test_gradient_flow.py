from pathlib import Path

import pytest

from pruneproof.papers.check_names import check_names
from pruneproof.papers.load import find_paper, load_paper
from pruneproof.papers.record import Record
from pruneproof.papers.short_form import steps_of
from pruneproof.papers.steps import Prune, Repeat, Train
from pruneproof.pipeline.planning import make_plan
from pruneproof.registry.catalog import build_catalog

FOLDER = Path(__file__).parents[2] / "papers" / "gradient-flow"
PAPER = load_paper(FOLDER)
CATALOG = build_catalog(["builtin"])
PILOT = {0, 1}
RERUN = [claim for claim in PAPER.claims.claim if claim.kind == "re-run"]
MEASURES = {
    "random": ("random-filters", {}, "mean"),
    "magnitude": ("magnitude", {}, "l2"),
    "loss": ("loss-preservation", {"temperature": 5.0}, "l1"),
    "biased": ("biased-loss", {"temperature": 5.0}, "l1"),
    "moved": ("moved-loss", {"temperature": 5.0}, "l1"),
    "increase-200": ("gradient-norm", {"temperature": 200.0}, "sum"),
    "increase": ("gradient-norm", {"temperature": 1.0}, "sum"),
    "preserve": ("gradient-norm", {"temperature": 1.0}, "abs-of-sum"),
    "l1": ("magnitude", {}, "l1"),
    "taylor": ("taylor", {"temperature": 5.0}, "abs-of-sum"),
    "fisher": ("batch-fisher", {"batch": 128, "temperature": 5.0}, "l1"),
    "scale": ("scale", {}, "mean"),
}


def pruned(profile):
    """Yield run, method, its measure, its repetition and the step that prunes."""
    for name, run in PAPER.runs.runs(profile).items():
        for method in run.methods:
            for step in steps_of(run, method):
                if isinstance(step, Repeat):
                    [prune] = [each for each in step.steps if isinstance(each, Prune)]
                    yield name, method, method.method.rpartition("-")[0].removesuffix("-shuffled"), step, prune


def test_all_names_options_and_operands_are_known():
    check_names(PAPER, CATALOG)
    assert find_paper("2009.11839", [FOLDER]) == FOLDER


@pytest.mark.parametrize("profile", PAPER.runs.profiles)
def test_every_measure_is_the_one_of_the_authors_code_with_its_temperature_and_its_sum(profile):
    found = list(pruned(profile))
    assert found
    for _, method, measure, _, prune in found:
        criterion, options, reduce = MEASURES[measure]
        assert (prune.criterion.id, prune.criterion.options, prune.select.reduce) == (criterion, options, reduce)
        shuffled = [each.id for each in prune.transforms]
        assert shuffled == (["shuffle-filters"] if "shuffled" in method.method else [])


@pytest.mark.parametrize("profile", PAPER.runs.profiles)
def test_every_method_has_one_epoch_a_round_one_ranking_over_coupled_filters_and_the_floor_of_the_code(profile):
    for _, method, _, repeat, prune in pruned(profile):
        assert repeat.repeat == int(method.method.rpartition("-")[2])
        assert repeat.schedule.id == "front-loaded"
        [train] = [each for each in repeat.steps if isinstance(each, Train)]
        assert (train.epochs, train.optimizer) == (1, "fresh")
        assert (prune.select.scope.id, prune.select.structure.id) == ("global", "coupled")
        assert prune.select.structure.options == {"depthwise": "unscored"}
        assert prune.select.floor.id == "share-of-tensor"
        assert prune.select.floor.options == {"share": 0.05, "plus": 1}
        balanced = prune.criterion.id == "gradient-norm"
        assert (prune.sample.per_class is not None) == balanced


def test_the_full_profile_has_the_authors_networks_recipe_and_rounds():
    runs = PAPER.runs.runs("full")
    assert {run.model.id for run in runs.values()} == {"vgg-13-relu-bn", "mobilenet-v1-cifar", "resnet-56"}
    assert {run.data for run in runs.values()} == {"cifar10", "cifar100"}
    for run in runs.values():
        dense = run.recipe["dense"]
        assert (dense.epochs, dense.batch, dense.lr, dense.momentum) == (160, 128, 0.1, 0.9)
        assert (dense.weight_decay, dense.temperature, dense.validation) == (0.0001, 5.0, 0.0)
        assert dense.lr_schedule.options["at"] == [80, 120]
    assert {repeat.repeat for _, _, _, repeat, _ in pruned("full")} == {1, 5, 25}


def test_no_profile_uses_a_seed_of_the_pilot():
    for profile in PAPER.runs.profiles.values():
        assert not PILOT & set(profile.seeds)
        assert len(profile.seeds) >= 5


def test_no_number_of_the_paper_is_known_and_none_is_shown():
    assert {claim.kind for claim in PAPER.claims.claim} == {"mechanism", "re-run", "setup"}
    assert not any(claim.reported for claim in PAPER.claims.claim)
    assert not any(claim.test.id == "distance" for claim in RERUN)
    assert not PAPER.tables


def test_what_is_known_from_memory_or_at_second_hand_alone_is_unverified_and_what_is_not_in_the_paper_a_control():
    for claim in PAPER.claims.claim:
        assert ("not in the paper" in claim.where) <= (claim.strength in ("control", "self-test"))
        assert (claim.strength == "unverified") <= ("not verified" in claim.where)
        assert (claim.strength == "stated") <= claim.where.startswith("abstract")


def test_four_to_six_claims_are_headlines_and_rest_on_the_abstract():
    headlines = [claim for claim in RERUN if claim.headline]
    assert {claim.id for claim in headlines} == {"m1-1", "m2-loss-5", "l2-5", "g3-5", "g6-5"}
    assert {claim.strength for claim in headlines} == {"stated", "implied"}


def test_sizes_floors_and_dead_filters_are_judged_before_anything_else():
    for profile in ("mini", "cpu", "lite", "full"):
        run = next(iter(PAPER.runs.runs(profile).values()))
        measured = {method.method for method in run.methods if "shuffled" not in method.method} - {"unpruned"}
        named = {name.removeprefix("s1-") for name in run.preconditions if name.startswith("s1-")}
        assert {"s2", "s3", "s-dense"} <= set(run.preconditions)
        extras = {f"{name}-1" for name in ("l1", "taylor", "fisher", "scale")}
        assert named == measured - extras - {"magnitude-1"}


def test_networks_are_trained_once_up_to_the_first_cut():
    plan = make_plan(PAPER, "mini", CATALOG, fingerprints={"digits": "f" * 64})
    first = [
        stage
        for stage in plan.stages.values()
        if stage.kind == "train" and (stage.inputs["start"], stage.inputs["stop"]) == (0, 1)
    ]
    assert len(first) == len(PAPER.runs.profiles["mini"].seeds)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("records/*.json")), ids=lambda path: path.name)
def test_a_committed_record_is_of_the_plan_and_claims_as_they_stand(path):
    record = Record.load(path)
    plan = make_plan(PAPER, record.profile, CATALOG, fingerprints=record.data, numerics=record.numerics)
    assert record.plan == plan.digest
    assert record.numerics == PAPER.runs.profile(record.profile).numerics
    assert record.seeds == PAPER.runs.profiles[record.profile].seeds
    assert [claim.id for claim in record.claims] == [claim.id for claim in PAPER.claims.claim]
