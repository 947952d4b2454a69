import re
from pathlib import Path

import pytest

from pruneproof.papers.check_names import check_names
from pruneproof.papers.load import find_paper, load_paper
from pruneproof.papers.record import Record
from pruneproof.pipeline.planning import make_plan
from pruneproof.registry.catalog import build_catalog

FOLDER = Path(__file__).parents[2] / "papers" / "loss-modelling"
PAPER = load_paper(FOLDER)
CATALOG = build_catalog(["builtin"])
PILOT = {1111, 1112, 1113}
RERUN = [claim for claim in PAPER.claims.claim if claim.kind == "re-run"]


def test_all_names_options_and_operands_are_known():
    check_names(PAPER, CATALOG)
    assert find_paper("2006.12279", [FOLDER]) == FOLDER


@pytest.mark.parametrize("run", ["mlp", "vgg", "resnet"])
def test_the_full_profile_has_the_authors_grid(run):
    of_run = PAPER.runs.runs("full")[run]
    grid = [each for each in of_run.methods if "penalty" in each.criterion.options]
    assert len(grid) == 3 * 3 * 9
    assert {each.criterion.id for each in grid} == {"linear-model", "quadratic-model", "obd"}
    assert {each.iterations for each in grid} == {1, 14, 140}
    assert {each.criterion.options["penalty"] for each in grid} == {0, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100}
    assert {each.schedule.id for each in grid} == {"exponential"}
    assert {each.sample.size for each in grid} == {1000}
    assert not any(each.retrain for each in grid)
    assert sum(each.method == "mp" for each in of_run.methods) == 1
    assert of_run.recipe["dense"] == of_run.recipe["retrain"]


def test_the_full_profile_has_the_authors_recipes_seeds_and_sparsities():
    runs = PAPER.runs.runs("full")
    found = {
        name: (run.model.id, run.recipe["dense"].epochs, run.recipe["dense"].lr, run.sparsities)
        for name, run in runs.items()
    }
    assert found == {
        "mlp": ("lenet-300-100-tanh", 800, 0.01, (0.98847,)),
        "vgg": ("vgg-11-plain", 300, 0.01, (0.956,)),
        "resnet": ("preact-resnet-18", 200, 0.1, (0.956,)),
    }
    schedules = {name: run.recipe["dense"].lr_schedule for name, run in runs.items()}
    assert {name: each.id for name, each in schedules.items()} == {"mlp": "constant", "vgg": "step", "resnet": "step"}
    assert (schedules["vgg"].options["every"], schedules["resnet"].options["every"]) == (60, 70)
    assert PAPER.runs.profiles["full"].seeds[:5] == (1111, 1112, 1113, 1114, 1115)
    for run in runs.values():
        dense = run.recipe["dense"]
        assert (dense.batch, dense.momentum, dense.weight_decay) == (100, 0.9, 0.0005)


def test_no_profile_but_the_authors_own_uses_a_seed_of_the_pilot():
    for name, profile in PAPER.runs.profiles.items():
        assert name == "full" or not PILOT & set(profile.seeds)


def test_there_are_no_printed_claims_and_no_distances_because_no_number_is_known():
    assert {claim.kind for claim in PAPER.claims.claim} == {"mechanism", "setup", "re-run"}
    assert not any(claim.reported for claim in PAPER.claims.claim)
    assert not any(claim.test.id == "distance" for claim in RERUN)
    assert not PAPER.tables


def test_what_is_not_in_the_paper_is_a_control_and_what_is_remembered_unverified():
    for claim in PAPER.claims.claim:
        assert claim.where != "not in the paper" or claim.strength in ("control", "self-test")
        assert ("memory" in claim.where) == (claim.strength == "unverified")


def test_choosing_and_judging_seeds_fit_every_profile():
    for claim in RERUN:
        for profile, evidence in claim.evidence.items():
            parameters = claim.test.options | evidence.parameters
            if "choosing" in parameters:
                assert parameters["choosing"] + 2 <= len(PAPER.runs.profiles[profile].seeds), (claim.id, profile)
            if claim.test.id in ("chosen-difference", "relative-gain"):
                first = [each.method for each in evidence.operands[: parameters["first"]]]
                rest = [each.method for each in evidence.operands[parameters["first"] :]]
                for group in (first, rest):
                    names = {re.sub(r"-[^-]*(-0\d)?$", "", method) for method in group}
                    assert len(names) == 1 or claim.id == "c3d", (claim.id, profile, group)


def test_the_dense_networks_are_trained_and_measured_once_for_all_methods_of_a_seed():
    plan = make_plan(PAPER, "mini", CATALOG, fingerprints={"digits": "f" * 64})
    dense = [stage for stage in plan.stages.values() if stage.inputs.get("phase") == "dense"]
    assert len(dense) == len(PAPER.runs.profiles["mini"].seeds)
    of_dense = {stage.digest for stage in dense}
    measures = [stage for stage in plan.stages.values() if stage.kind == "measure" and not stage.upstream.get("mask")]
    assert len(measures) == len(dense)
    assert {stage.upstream["weights"] for stage in measures} == of_dense


@pytest.mark.parametrize("path", sorted(FOLDER.glob("records/*.json")), ids=lambda path: path.name)
def test_a_committed_record_is_of_the_plan_and_claims_as_they_stand(path):
    record = Record.load(path)
    plan = make_plan(PAPER, record.profile, CATALOG, fingerprints=record.data, numerics=record.numerics)
    assert record.numerics == PAPER.runs.profile(record.profile).numerics
    assert record.plan == plan.digest
    assert record.seeds == PAPER.runs.profiles[record.profile].seeds
    assert [claim.id for claim in record.claims] == [claim.id for claim in PAPER.claims.claim]
    assert {(cell.run, cell.method, cell.sparsity, cell.seed) for cell in record.cells} == {
        (cell.run, cell.method, cell.sparsity, cell.seed) for cell in plan.cells
    }
