import re
from pathlib import Path

import pytest
from pruneproof.papers.plan import make_plan

from pruneproof.papers.load import check_names, find_paper, load_paper
from pruneproof.papers.record import Record
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
    arms = PAPER.runs.full[run].arms
    grid = [arm for arm in arms if "penalty" in arm.criterion.options]
    assert len(grid) == 3 * 3 * 9
    assert {arm.criterion.id for arm in grid} == {"linear-model", "quadratic-model", "obd"}
    assert {arm.steps for arm in grid} == {1, 14, 140}
    assert {arm.criterion.options["penalty"] for arm in grid} == {0, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100}
    assert {arm.schedule.id for arm in grid} == {"exponential"}
    assert {arm.samples for arm in grid} == {1000}
    assert not any(arm.retrain for arm in grid)
    assert sum(arm.method == "mp" for arm in arms) == 1
    assert PAPER.runs.full[run].dense == PAPER.runs.full[run].retrain


def test_the_full_profile_has_the_authors_recipes_seeds_and_sparsities():
    found = {
        name: (run.model.id, run.dense.epochs, run.dense.lr, run.dense.lr_every, run.sparsities)
        for name, run in PAPER.runs.full.items()
    }
    assert found == {
        "mlp": ("lenet-300-100-tanh", 800, 0.01, None, (0.98847,)),
        "vgg": ("vgg-11-plain", 300, 0.01, 60, (0.956,)),
        "resnet": ("preact-resnet-18", 200, 0.1, 70, (0.956,)),
    }
    assert PAPER.runs.profiles["full"].seeds == (1111, 1112, 1113, 1114, 1115)
    for run in PAPER.runs.full.values():
        assert (run.dense.batch, run.dense.momentum, run.dense.weight_decay) == (100, 0.9, 0.0005)


def test_no_profile_but_the_authors_own_uses_a_seed_of_the_pilot():
    for name, profile in PAPER.runs.profiles.items():
        assert name == "full" or not PILOT & set(profile.seeds)


def test_there_are_no_printed_claims_and_no_distances_because_no_number_is_known():
    assert {claim.kind for claim in PAPER.claims.claim} == {"mechanism", "re-run"}
    assert not any(claim.reported for claim in PAPER.claims.claim)
    assert not any(claim.test.id == "distance" for claim in RERUN)
    assert not PAPER.tables


def test_what_is_not_in_the_paper_is_a_control_and_what_is_remembered_unverified():
    for claim in PAPER.claims.claim:
        assert claim.where != "not in the paper" or claim.strength == "control"
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


def test_the_dense_networks_are_trained_once_for_all_arms_of_a_seed():
    plan = make_plan(PAPER, "mini", CATALOG, fingerprints={"digits": "f" * 64})
    dense = [stage for stage in plan.stages.values() if stage.inputs.get("phase") == "dense"]
    assert len(dense) == len(PAPER.runs.profiles["mini"].seeds)
    assert not any("losses" in stage.inputs for stage in dense)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("records/*.json")), ids=lambda path: path.name)
def test_a_committed_record_is_of_the_plan_and_claims_as_they_stand(path):
    record = Record.load(path)
    plan = make_plan(PAPER, record.profile, CATALOG, fingerprints=record.data)
    assert record.plan == plan.digest
    assert [claim.id for claim in record.claims] == [claim.id for claim in PAPER.claims.claim]
    assert len(record.cells) == len(plan.cells)
