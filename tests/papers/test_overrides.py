import pytest

from pruneproof.errors import BadConfig, BadOption, PruneproofError, UnknownName
from pruneproof.papers.load import load_paper
from pruneproof.papers.overrides import override


@pytest.fixture
def paper(tiny):
    return load_paper(tiny)


def changed(paper, *settings):
    return override(paper, "mini", settings).runs.runs("mini")["mlp"]


def test_no_setting_leaves_the_paper_as_it_is(paper):
    assert override(paper, "mini", ()) is paper


def test_a_recipe_value_is_changed_and_nothing_else(paper):
    before, after = paper.runs.runs("mini")["mlp"], changed(paper, "mlp.recipe.retrain.epochs=7")
    assert after.recipe["retrain"].epochs == 7
    assert after.model_copy(update={"recipe": before.recipe}) == before
    assert after.recipe["dense"] == before.recipe["dense"]


def test_values_are_toml_and_anything_else_a_string(paper):
    run = changed(
        paper,
        "mlp.sparsities=[0.5, 0.75]",
        "mlp.model=lenet-5",
        'mlp.recipe.dense.augment=["flip"]',
        "mlp.recipe.dense.nesterov=true",
    )
    assert run.sparsities == (0.5, 0.75)
    assert run.model.id == "lenet-5"
    assert run.recipe["dense"].augment == ("flip",)
    assert run.recipe["dense"].nesterov is True


def test_a_key_that_the_file_leaves_to_its_default_can_be_set(paper):
    run = changed(
        paper,
        "mlp.methods.global.select.floor=count",
        "mlp.recipe.dense.weight_decay=0.01",
        "mlp.methods.global.retrain.epochs=4",
    )
    assert run.methods[0].select.floor.id == "count"
    assert run.recipe["dense"].weight_decay == 0.01
    assert run.methods[0].retrain == {"epochs": 4}


def test_an_option_is_named_as_the_file_names_it_next_to_the_id(paper):
    run = changed(
        paper,
        "mlp.methods.global.schedule=cubic",
        "mlp.methods.global.iterations=2",
        "mlp.methods.global.schedule.initial=0.5",
        "mlp.methods.gradual.schedule.initial=0.25",
    )
    methods = {each.method: each for each in run.methods}
    assert (methods["global"].schedule.id, methods["global"].schedule.options) == ("cubic", {"initial": 0.5})
    assert methods["gradual"].steps[1].gradual.schedule.options == {"initial": 0.25}


@pytest.mark.parametrize(
    ("text", "options"),
    [("2:4", {"keep": 2, "group": 4}), ("4x2", {"sides": [4, 2]}), ("filter", {})],
)
def test_a_structure_may_be_set_in_its_short_form(paper, text, options):
    structure = changed(paper, f"mlp.methods.global.select.structure={text}").methods[0].select.structure
    assert structure.options == options


def test_a_setting_of_a_method_with_steps_holds_for_the_steps_that_prune(paper):
    run = changed(paper, "mlp.methods.imp.criterion=random", "mlp.methods.gradual.select.scope=erk")
    methods = {each.method: each for each in run.methods}
    assert methods["imp"].steps[3].steps[0].criterion.id == "random"
    assert methods["gradual"].steps[1].gradual.select.scope.id == "erk"


def test_all_tables_of_a_method_change(tiny):
    text = (tiny / "runs.toml").read_text()
    extra = '\n[[mini.mlp.methods]]\nmethod = "global"\nsparsities = [0.5]\n'
    (tiny / "runs.toml").write_text(text + extra)
    run = changed(load_paper(tiny), "mlp.methods.global.select.floor=count")
    assert [each.select.floor.id for each in run.methods if each.method == "global"] == ["count", "count"]
    assert {each.select.floor.id for each in run.methods if each.method != "global"} == {"none"}


@pytest.mark.parametrize(
    ("setting", "error", "named"),
    [
        ("mlp.recipe.retrain.epochs", BadOption, "run.key=value"),
        ("epochs=3", UnknownName, "iterations"),
        ("=3", BadOption, "run.key=value"),
        ("", BadOption, "run.key=value"),
        ("mpl.recipe.retrain.epochs=3", UnknownName, 'Nearest: "mlp"'),
        ("mlp.recipe.retrian.epochs=3", UnknownName, 'Nearest: "retrain"'),
        ("mlp.colour=3", UnknownName, '"colour"'),
        ("mlp.methods.globl.select.floor=count", UnknownName, 'Nearest: "global"'),
        ("mlp.methods.global=3", BadOption, "whole method"),
        ("mlp.methods.global.select.flor=count", UnknownName, 'Nearest: "floor"'),
        ("mlp.methods.global.scope=erk", UnknownName, "Write mlp.methods.global.select.scope."),
        ("mlp.sparsities.first=0.5", BadOption, "has no keys"),
        ("mlp.sparsities.first.second=0.5", BadOption, "has no keys"),
        ("mlp.about.a.b=1", BadOption, "has no keys"),
        ("mlp.recipe.dense.epochs.a.b=1", BadOption, "has no keys"),
        ("fresh.recipe.dense.epochs=1", UnknownName, '"dense"'),
        ("mlp..epochs=1", UnknownName, '""'),
        ("mlp.recipe.retrain.epochs=many", BadConfig, "mini.mlp.recipe.retrain.epochs"),
        ("mlp.recipe.retrain.epochs=-1", BadConfig, "mini.mlp.recipe.retrain.epochs"),
        ("mlp.recipe.retrain.eopchs=1", UnknownName, 'Nearest: "epochs"'),
        ("mlp.methods.global.retrain.epochs=many", BadConfig, "epochs"),
        ("mlp.methods.global.retrain.eopchs=1", PruneproofError, "eopchs"),
        ("mlp.sparsities=[1.0]", BadConfig, "sparsities"),
        ("mlp.sparsities=[0.5, 0.5]", BadConfig, "0.5"),
        ("mlp.sparsities=[]", BadConfig, "sparsities"),
        ("mlp.methods.global.iterations=0", BadConfig, "iterations"),
        ("mlp.methods.gradual.iterations=2", BadOption, "steps of its own"),
        ("mlp.methods.gradual.retrain.epochs=2", BadOption, "steps of its own"),
        ("mlp.methods=none", BadConfig, "methods"),
        ("mlp.recipe.retrain.lr=nan", BadConfig, "lr"),
    ],
)
def test_a_bad_setting_is_refused_by_name(paper, setting, error, named):
    with pytest.raises(error) as caught:
        override(paper, "mini", (setting,))
    assert named in str(caught.value)


def test_a_profile_that_the_paper_does_not_have_is_unknown(paper):
    with pytest.raises(UnknownName, match='profile "lite"'):
        override(paper, "lite", ("mlp.recipe.retrain.epochs=3",))
