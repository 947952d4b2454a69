"""What makes a stage another one than the most similar of the store."""

import pytest

from pruneproof.pipeline.prepare import prepare
from pruneproof.pipeline.store import Store
from pruneproof.pipeline.why import Change, explain_stage


@pytest.fixture
def why(replay, ask, tmp_path):
    """Run the dense network of seed 0, then ask about a stage of a changed request: (kind, changes) -> Why."""
    replay(only=("mlp/dense",), seeds=(0,))

    def explain(kind, **changes):
        plan = prepare(ask(**{"only": ("mlp/dense",), "seeds": (0,)} | changes), fetch=False).plan
        [digest] = [digest for digest, stage in plan.stages.items() if stage.kind == kind]
        return explain_stage(plan, digest, Store(tmp_path / "store"))

    return explain


def test_a_stage_of_the_store_has_not_changed(why):
    found = why("train")
    assert found.changes == ()
    assert found.label == "mlp · seed 0 · dense"


def test_a_setting_is_named_with_its_value_before_and_now(why):
    found = why("train", settings=("mlp.recipe.dense.lr=0.2",))
    assert found.changes == (Change("recipe.lr", 0.1, 0.2),)


def test_what_changed_before_a_stage_is_named_with_the_way_to_it(why):
    found = why("measure", settings=("mlp.recipe.dense.lr=0.2",))
    assert Change("weights > recipe.lr", 0.1, 0.2) in found.changes
    assert {change.path.split(" > ")[-1] for change in found.changes} == {"recipe.lr"}


def test_a_seed_and_a_numerics_class_are_inputs_too(why):
    assert why("init", seeds=(7,)).changes == (Change("seed", 0, 7),)
    from pruneproof.contracts.numerics import NUMERICS
    from pruneproof.pipeline.numerics import obstacle

    if not obstacle(NUMERICS["portable"], "cpu"):
        assert why("init", numerics="portable").changes == (Change("numerics", "not there", "portable"),)


def test_the_nearest_is_the_one_with_fewest_changes(why, replay):
    replay(only=("mlp/dense",), seeds=(0,), settings=("mlp.recipe.dense.lr=0.3", "mlp.recipe.dense.batch=64"))
    changed = ("mlp.recipe.dense.lr=0.3", "mlp.recipe.dense.batch=32")
    assert why("train", settings=changed).changes == (Change("recipe.batch", 64, 32),)


def test_without_a_stage_of_its_kind_there_is_nothing_near(ask, replay, tmp_path):
    replay(only=("arithmetic",))
    plan = prepare(ask(only=("mlp/dense",)), fetch=False).plan
    assert explain_stage(plan, next(iter(plan.stages)), Store(tmp_path / "store")).nearest is None


def test_another_version_of_a_kind_is_told(why, monkeypatch):
    from dataclasses import replace

    from pruneproof.pipeline import plan
    from pruneproof.pipeline.kinds.table import KINDS

    newer = dict(KINDS) | {"init": replace(KINDS["init"], version=99)}
    monkeypatch.setattr(plan, "KINDS", newer)
    [change] = why("init").changes
    assert change.path == "version"
