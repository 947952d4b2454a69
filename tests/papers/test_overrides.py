import pytest

from pruneproof.errors import BadConfig, BadOption, PruneproofError, UnknownName
from pruneproof.papers.load import load_paper
from pruneproof.papers.overrides import override


@pytest.fixture
def paper(tiny):
    return load_paper(tiny)


def changed(paper, *settings):
    return override(paper, "mini", settings).runs.mini["mlp"]


def test_no_setting_leaves_the_paper_as_it_is(paper):
    assert override(paper, "mini", ()) is paper


def test_a_recipe_value_is_changed_and_nothing_else(paper):
    before, after = paper.runs.mini["mlp"], changed(paper, "mlp.retrain.epochs=7")
    assert after.retrain.epochs == 7
    assert after.model_copy(update={"retrain": before.retrain}) == before


def test_values_are_toml_and_anything_else_a_string(paper):
    run = changed(
        paper,
        "mlp.sparsities=[0.5, 0.75]",
        "mlp.model=lenet-5",
        'mlp.dense.augment=["flip"]',
        "mlp.dense.nesterov=true",
    )
    assert run.sparsities == (0.5, 0.75)
    assert run.model.id == "lenet-5"
    assert run.dense.augment == ("flip",)
    assert run.dense.nesterov is True


def test_a_key_that_the_file_leaves_to_its_default_can_be_set(paper):
    run = changed(paper, "mlp.arms.global.floor=3", "mlp.dense.weight_decay=0.01", "mlp.arms.global.retrain.epochs=4")
    assert run.arms[0].floor == 3
    assert run.dense.weight_decay == 0.01
    assert run.arms[0].retrain == {"epochs": 4}


def test_an_option_is_named_as_the_file_names_it_beside_the_id(paper):
    run = changed(paper, "mlp.arms.imp.schedule.rate=0.9", "mlp.arms.gradual.schedule.initial=0.5")
    schedules = {arm.method: arm.schedule for arm in run.arms}
    assert (schedules["imp"].id, schedules["imp"].options) == ("iterative", {"rate": 0.9})
    assert schedules["gradual"].options == {"initial": 0.5}


def test_all_arms_of_a_method_change(tiny):
    text = (tiny / "runs.toml").read_text()
    extra = '\n[[mini.mlp.arms]]\nmethod = "global"\nsparsities = [0.5]\n'
    (tiny / "runs.toml").write_text(text + extra)
    run = changed(load_paper(tiny), "mlp.arms.global.floor=3")
    assert [arm.floor for arm in run.arms if arm.method == "global"] == [3, 3]
    assert {arm.floor for arm in run.arms if arm.method != "global"} == {0}


@pytest.mark.parametrize(
    ("setting", "error", "named"),
    [
        ("mlp.retrain.epochs", BadOption, "run.key=value"),
        ("epochs=3", UnknownName, "rewind_epochs"),
        ("=3", BadOption, "run.key=value"),
        ("", BadOption, "run.key=value"),
        ("mpl.retrain.epochs=3", UnknownName, 'Nearest: "mlp"'),
        ("mlp.retrian.epochs=3", UnknownName, 'Nearest: "retrain"'),
        ("mlp.colour=3", UnknownName, '"colour"'),
        ("mlp.arms.globl.floor=3", UnknownName, 'Nearest: "global"'),
        ("mlp.arms.global=3", BadOption, "whole arm"),
        ("mlp.arms.global.flor=3", UnknownName, 'Nearest: "floor"'),
        ("mlp.sparsities.first=0.5", BadOption, "has no keys"),
        ("mlp.sparsities.first.second=0.5", BadOption, "has no keys"),
        ("mlp.about.a.b=1", BadOption, "has no keys"),
        ("mlp.dense.epochs.a.b=1", BadOption, "has no keys"),
        ("fresh.dense.epochs=1", BadOption, "has no keys"),
        ("mlp..epochs=1", UnknownName, '""'),
        ("mlp.retrain.epochs=many", BadConfig, "mini.mlp.retrain.epochs"),
        ("mlp.retrain.epochs=-1", BadConfig, "mini.mlp.retrain.epochs"),
        ("mlp.retrain.eopchs=1", UnknownName, 'Nearest: "epochs"'),
        ("mlp.arms.global.retrain.epochs=many", BadConfig, "epochs"),
        ("mlp.arms.global.retrain.eopchs=1", PruneproofError, "eopchs"),
        ("mlp.sparsities=[1.0]", BadConfig, "sparsities"),
        ("mlp.sparsities=[0.5, 0.5]", BadConfig, "0.5"),
        ("mlp.sparsities=[]", BadConfig, "sparsities"),
        ("mlp.arms.gradual.during.end=-1", BadConfig, "during"),
        ("mlp.arms=none", BadConfig, "arms"),
        ("mlp.retrain.lr=nan", BadConfig, "lr"),
    ],
)
def test_a_bad_setting_is_refused_by_name(paper, setting, error, named):
    with pytest.raises(error) as caught:
        override(paper, "mini", (setting,))
    assert named in str(caught.value)


def test_a_profile_that_the_paper_does_not_have_is_unknown(paper):
    with pytest.raises(UnknownName, match='profile "lite"'):
        override(paper, "lite", ("mlp.retrain.epochs=3",))
