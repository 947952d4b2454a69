import pytest
from pydantic import TypeAdapter, ValidationError

from pruneproof.contracts.choice import Choice
from pruneproof.papers.steps import DOINGS, AnyStep, Measure, Prune, Repeat

STEP = TypeAdapter(AnyStep)


def read(**content):
    return STEP.validate_python(content)


def test_a_step_is_read_by_what_it_does():
    assert isinstance(read(do="prune"), Prune)
    assert isinstance(read(do="measure", metrics=["accuracy"]), Measure)
    assert isinstance(read(repeat=2, steps=[{"do": "prune"}]), Repeat)
    assert len(DOINGS) == 10


def test_train_takes_the_step_it_starts_from_by_the_word_from():
    assert read(do="train", recipe="r", **{"from": "early"}).origin == "early"


def test_options_of_a_plugin_stand_next_to_the_keys_of_the_step():
    [update] = read(do="train", recipe="r", updates=[{"id": "rigl", "every": "5it", "fraction": 0.2}]).updates
    assert (update.what, update.every) == (Choice(id="rigl", options={"fraction": 0.2}), "5it")
    [watch] = read(do="train", recipe="r", watch=["accuracy"]).watch
    assert (watch.what, watch.every, watch.reduce) == (Choice(id="accuracy"), "1ep", "last")
    assert read(do="transform", id="shuffle", within="layer").what == Choice(id="shuffle", options={"within": "layer"})
    search = read(do="search", id="edge-popup", recipe="r", width=2)
    assert (search.what, search.recipe) == (Choice(id="edge-popup", options={"width": 2}), "r")


@pytest.mark.parametrize(
    "content",
    [
        {"do": "train", "recipe": "r", "from": "early", "gradual": {"start": 0, "end": 3}},
        {"do": "train", "recipe": "r", "updates": ["set"], "regularizers": [{"id": "greg-1", "marked": "m"}]},
        {"do": "prune", "schedule": {"id": "iterative", "rate": 0.3}, "iterations": 3, "transforms": ["invert"]},
        {"do": "transform", "id": "shuffle"},
        {"do": "search", "id": "edge-popup", "recipe": "r"},
        {"repeat": 3, "schedule": "cubic", "steps": [{"do": "rewind", "to": "early"}]},
    ],
)
def test_a_dump_reads_back_as_the_same_step(content):
    step = STEP.validate_python(content)
    assert STEP.validate_python(step.model_dump(mode="json", by_alias=True)) == step
    assert STEP.validate_python(step.model_dump(mode="json")) == step


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({}, "a step needs `do`"),
        ({"do": "bake"}, "a step needs `do`"),
        ({"do": "train"}, "recipe"),
        ({"do": "train", "recipe": "r", "epochs": 1, "until": 2}, "leave one out"),
        ({"do": "train", "recipe": "r", "gradual": {"start": 3, "end": 2}}, "end 2 lies before start 3"),
        ({"do": "train", "recipe": "r", "optimizer": "new"}, "optimizer"),
        ({"do": "train", "recipe": "r", "watch": [{"id": "accuracy", "every": "soon"}]}, "soon"),
        ({"do": "prune", "iterations": 0}, "iterations"),
        ({"do": "prune", "mode": "test"}, "mode"),
        ({"do": "prune", "colour": 1}, "colour"),
        ({"do": "rewind"}, "to"),
        ({"do": "adopt"}, "exactly one of mask"),
        ({"do": "adopt", "mask": "a", "method": "b"}, "exactly one of mask"),
        ({"repeat": 0, "steps": [{"do": "prune"}]}, "repeat"),
        ({"repeat": 2, "steps": []}, "steps"),
    ],
)
def test_a_step_that_cannot_be_is_refused_by_name(content, named):
    with pytest.raises(ValidationError, match=named):
        STEP.validate_python(content)
