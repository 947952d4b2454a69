import pytest

from pruneproof.contracts.choice import Choice
from pruneproof.papers.schema import Method, Run
from pruneproof.papers.short_form import dense_method, settings_of, steps_of
from pruneproof.papers.steps import Measure, Prune, Train

RECIPE = {"epochs": 2, "batch": 8, "lr": 0.1}


def run(**content):
    return Run(
        **{"about": "a", "model": "mlp", "data": "digits", "recipe": {"dense": RECIPE, "retrain": RECIPE}} | content
    )


def doings(steps):
    return [f"{step.do} {step.name or getattr(step, 'recipe', '')}".strip() for step in steps]


def test_the_short_form_trains_prunes_retrains_and_measures():
    assert doings(steps_of(run(), Method(method="m"))) == [
        "init",
        "train dense",
        "measure dense",
        "prune",
        "train retrain",
        "measure end",
    ]


def test_without_a_dense_recipe_it_prunes_at_initialisation():
    assert doings(steps_of(run(recipe={"retrain": RECIPE}), Method(method="m"))) == [
        "init",
        "prune",
        "train retrain",
        "measure end",
    ]


@pytest.mark.parametrize(
    ("content", "method"),
    [({"recipe": {"dense": RECIPE}}, {}), ({}, {"retrain": {"epochs": 0}})],
    ids=["no recipe", "no epochs"],
)
def test_without_retraining_it_ends_where_pruning_is_measured(content, method):
    content["measure"] = {"pruned": ("accuracy",), "end": ("densities",)}
    assert doings(steps_of(run(**content), Method(method="m", **method)))[-2:] == ["prune", "measure pruned"]


def test_what_compares_looks_at_the_dense_network_where_that_is_measured():
    measures = [step for step in steps_of(run(), Method(method="m")) if isinstance(step, Measure)]
    assert [step.against for step in measures] == [None, "dense"]
    unmeasured = run(measure={"end": ("accuracy",)})
    measures = [step for step in steps_of(unmeasured, Method(method="m")) if isinstance(step, Measure)]
    assert [step.against for step in measures] == [None]


def test_the_dense_method_is_measured_at_its_end():
    assert doings(steps_of(run(), dense_method())) == ["init", "train dense", "measure end"]


def test_what_the_method_chose_is_what_prunes_and_retrains():
    method = Method(
        method="m", criterion="snip", select={"scope": "erk"}, iterations=3, schedule="cubic", retrain={"lr": 1.0}
    )
    [prune] = [step for step in steps_of(run(), method) if isinstance(step, Prune)]
    assert (prune.criterion.id, prune.select.scope.id, prune.iterations) == ("snip", "erk", 3)
    assert [step.change for step in steps_of(run(), method) if isinstance(step, Train)] == [{}, {"lr": 1.0}]


def test_own_steps_take_from_the_run_what_they_leave_out():
    method = Method(
        method="m",
        steps=[
            {"do": "init"},
            {"repeat": 2, "steps": [{"do": "train", "recipe": "dense"}, {"do": "measure", "name": "pruned"}]},
            {"do": "train", "recipe": "dense", "watch": ["densities"]},
            {"do": "measure", "metrics": ["densities"]},
        ],
    )
    given = run(watch=["accuracy"], measure={"pruned": ("accuracy",), "end": ("accuracy",)})
    _, repeat, train, measure = steps_of(given, method)
    assert repeat.steps[0].watch[0].what == Choice(id="accuracy")
    assert repeat.steps[1].metrics == (Choice(id="accuracy"),)
    assert train.watch[0].what == Choice(id="densities")
    assert measure.metrics == (Choice(id="densities"),)


def test_settings_are_those_of_the_last_step_that_prunes():
    steps = [
        {"do": "init"},
        {"do": "prune", "criterion": "random"},
        {"repeat": 5, "steps": [{"do": "prune", "criterion": {"id": "linear-model", "penalty": 0.1}, "iterations": 2}]},
    ]
    found = settings_of(Method(method="m", steps=steps))
    assert (found["criterion"], found["rounds"], found["iterations"]) == ("linear-model", 5, 2)
    assert found["penalty"] == 0.1
    gradual = {"do": "train", "recipe": "dense", "gradual": {"start": 0, "end": 1, "criterion": "random"}}
    assert settings_of(Method(method="m", steps=[{"do": "init"}, gradual]))["criterion"] == "random"
    assert settings_of(Method(method="m", steps=[{"do": "init"}])) == {}
