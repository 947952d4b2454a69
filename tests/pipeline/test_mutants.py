"""Mutants of the tiny paper: what each changes of its plan, and what it leaves."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from pruneproof.papers.installed import open_paper
from pruneproof.papers.steps import ApplyTransform, Prune, Repeat, Train
from pruneproof.pipeline.mutants import MUTANTS, RULES, mutate, written_out
from pruneproof.pipeline.planning import make_plan
from pruneproof.registry.catalog import build_catalog

BY_ID = {each.id: each for each in MUTANTS}


@pytest.fixture
def catalog(tiny):
    return build_catalog(["builtin", "tiny-paper"], files=[RULES])


@pytest.fixture
def paper(tiny):
    return written_out(open_paper("tiny"), "mini")


@pytest.fixture
def mutated(paper, catalog):
    return lambda name: mutate(paper, "mini", BY_ID[name], catalog)


@pytest.fixture
def stages(catalog):
    return lambda paper: make_plan(paper, "mini", catalog, fingerprints={}).stages


def steps(paper, method):
    [found] = [each for each in paper.runs.runs("mini")["mlp"].methods if each.method == method]
    return found.steps


def prune(paper, method):
    [found] = [step for step in steps(paper, method) if isinstance(step, Prune)]
    return found


def test_a_paper_that_is_written_out_has_the_plan_of_the_paper(tiny, catalog):
    plain = open_paper("tiny")
    for seeds in (None, (4,)):
        plan = make_plan(plain, "mini", catalog, fingerprints={}, seeds=seeds)
        again = make_plan(written_out(plain, "mini", seeds), "mini", catalog, fingerprints={})
        assert list(again.stages) == list(plan.stages)
        assert again.cells == plan.cells


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_every_mutant_changes_the_plan_and_shares_what_it_does_not_change(mutant, paper, catalog, stages):
    own, changed = stages(paper), stages(mutate(paper, "mini", mutant, catalog))
    new = [stage for digest, stage in changed.items() if digest not in own]
    assert new
    assert set(own) & set(changed)
    if not mutant.is_chance:
        assert not any(stage.kind == "init" for stage in new)


@pytest.mark.parametrize("name", ["one-more", "one-fewer", "signed", "revived"])
def test_what_no_paper_would_do_carries_the_digest_of_its_plugin(name, mutated, paper, stages):
    new = set(stages(mutated(name))) - set(stages(paper))
    assert any("mutant_rules.py" in str(stages(mutated(name))[digest].inputs) for digest in new)


def test_scopes_change_places(mutated):
    assert prune(mutated("scope"), "global").select.scope.id == "tensor"
    assert prune(mutated("scope"), "uniform").select.scope.id == "global"
    assert steps(mutated("scope"), "gradual")[1].gradual.select.scope.id == "tensor"


def test_ties_and_counts_are_those_of_every_selection(mutated):
    assert prune(mutated("ties"), "global").select.ties == "last"
    assert prune(mutated("one-more"), "global").select.count.id == "keep-one-more"
    [repeat] = [step for step in steps(mutated("one-fewer"), "imp") if isinstance(step, Repeat)]
    assert repeat.steps[0].select.count.id == "keep-one-fewer"


def test_modes_are_forced_only_where_derivatives_are_taken(mutated):
    [synflow] = mutated("eval-mode").runs.runs("mini")["fresh"].methods
    assert [step.mode for step in synflow.steps if isinstance(step, Prune)] == ["eval"]
    assert prune(mutated("train-mode"), "global").mode == "criterion"


def test_test_samples_are_drawn_only_where_a_criterion_looks_at_data(mutated, stages):
    changed = mutated("test-data")
    [synflow] = changed.runs.runs("mini")["fresh"].methods
    assert [step.sample.split for step in synflow.steps if isinstance(step, Prune)] == ["test"]
    assert not hasattr(prune(changed, "global").sample, "split")
    written = [stage.inputs["sample"] for stage in stages(changed).values() if "sample" in stage.inputs]
    assert {each.get("split") for each in written} == {"test"}


def test_no_paper_can_ask_for_test_samples():
    with pytest.raises(ValidationError, match="split"):
        Prune.model_validate({"do": "prune", "sample": {"split": "test"}})


def test_a_rule_that_the_others_do_not_allow_is_left_alone(paper, tiny, catalog):
    text = (tiny / "runs.toml").read_text()
    (tiny / "runs.toml").write_text(text.replace('select.scope = "uniform"', 'select.structure = "2:4"'))
    changed = mutate(written_out(open_paper("tiny"), "mini"), "mini", BY_ID["ties"], catalog)
    assert prune(changed, "uniform").select.ties == "first"
    assert prune(changed, "global").select.ties == "last"


def test_masks_are_dropped_before_trainings_that_go_on_under_one(mutated):
    kinds = [type(step) for step in steps(mutated("revived"), "global")]
    assert kinds.count(ApplyTransform) == 1
    assert kinds[kinds.index(ApplyTransform) + 1] is Train
    assert kinds.index(Prune) < kinds.index(ApplyTransform)
    [repeat] = [step for step in steps(mutated("revived"), "imp") if isinstance(step, Repeat)]
    assert [step.do for step in repeat.steps] == ["prune", "rewind", "transform", "train"]
    assert not any(isinstance(step, ApplyTransform) for step in steps(mutated("revived"), "gradual"))


def test_the_best_epoch_is_read_by_claims_and_measured_where_they_read(mutated):
    changed = mutated("best-epoch")
    read = {operand.metric for claim in changed.claims.claim if claim.kind == "re-run"
            for operand in claim.evidence["mini"].operands}  # fmt: skip
    assert read == {"accuracy-best"}
    assert "accuracy-best" in [each.id for each in steps(changed, "global")[-1].metrics]


def test_seeds_are_one_higher(mutated):
    runs = mutated("seeds").runs.runs("mini")
    assert (runs["mlp"].seeds, runs["fresh"].seeds) == ((1, 2), (6,))


def test_a_mutant_without_anything_to_change_is_none(paper, catalog):
    unpruned = {name: run.model_copy(update={"methods": ()}) for name, run in paper.runs.runs("mini").items()}
    bare = replace(paper, runs=paper.runs.model_copy(update={"mini": unpruned}))
    assert mutate(bare, "mini", BY_ID["scope"], catalog) is None
    assert mutate(bare, "mini", BY_ID["seeds"], catalog) is not None
