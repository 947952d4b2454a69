"""What a set-up claim reads off the steps of a method."""

import pytest

from pruneproof.papers.schema import Method, Run
from pruneproof.papers.setups import PROPERTIES, compare_setups, cut_before_pruning, phases_of, structures_of
from pruneproof.papers.short_form import dense_method

RECIPES = {
    "dense": {"epochs": 10, "batch": 8, "lr": 0.1},
    "retrain": {"epochs": 4, "batch": 8, "lr": 0.01, "lr_schedule": "cosine"},
}
INIT, MEASURE = {"do": "init", "name": "start"}, {"do": "measure", "metrics": ["accuracy"]}
DENSE, RETRAIN, PRUNE = {"do": "train", "recipe": "dense"}, {"do": "train", "recipe": "retrain"}, {"do": "prune"}
EARLY = DENSE | {"epochs": 2, "name": "early"}
METHODS = {
    "usual": {},
    "scratch": {"steps": [INIT, PRUNE, RETRAIN, MEASURE]},
    "rounds": {"steps": [INIT, DENSE, {"repeat": 3, "steps": [PRUNE, RETRAIN]}, MEASURE]},
    "rewinding": {"steps": [INIT, EARLY, DENSE, PRUNE, {"do": "rewind", "to": "early"}, DENSE, MEASURE]},
    "branched": {"steps": [INIT, EARLY, DENSE | {"from": "start"}, PRUNE, RETRAIN, MEASURE]},
    "gradual": {"steps": [INIT, RETRAIN | {"gradual": {"start": 1, "end": 2}}, MEASURE]},
    "search": {"steps": [INIT, {"do": "search", "id": "edge-popup", "recipe": "dense"}, MEASURE]},
    "iterations": {"iterations": 5, "schedule": "linear"},
    "longer": {"retrain": {"epochs": 8}},
}
RUN = Run(
    about="a",
    model="mlp",
    data="digits",
    recipe=RECIPES,
    sparsities=(0.5,),
    methods=[{"method": name} | content for name, content in METHODS.items()],
)


def read(name, method):
    [fact] = compare_setups(RUN, (method, method), [name], [])
    return fact.found.partition(" and ")[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "epochs",
            {"usual": 14, "scratch": 4, "rounds": 22, "rewinding": 18, "branched": 16, "gradual": 4, "search": 10},
        ),
        (
            "epochs-after-pruning",
            {"usual": 4, "scratch": 4, "rounds": 12, "rewinding": 8, "branched": 4, "gradual": 4, "search": 10},
        ),
        ("rounds", {"usual": 1, "rounds": 3, "iterations": 5, "gradual": 2, "search": 0}),
        ("lr", {"usual": 0.01, "rewinding": 0.1}),
    ],
)
def test_numbers_are_those_of_the_steps(name, expected):
    assert {method: read(name, method) for method in expected} == {
        method: str(value) for method, value in expected.items()
    }


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("usual", "longer", True),
        ("usual", "rounds", True),
        ("usual", "branched", True),
        ("usual", "scratch", False),
        ("usual", "rewinding", False),
    ],
)
def test_the_base_is_what_was_trained_before_the_mask_was_decided(first, second, same):
    [fact] = compare_setups(RUN, (first, second), ["base"], [])
    assert fact.holds == same


def test_a_property_that_should_differ_and_does_not_is_a_false_fact():
    facts = compare_setups(RUN, ("usual", "longer"), ["lr"], ["lr", "epochs"])
    assert [fact.holds for fact in facts] == [True, False, True]
    assert facts[1].expected == "different"


def test_the_dense_network_is_a_method_too():
    [fact] = compare_setups(RUN, ("dense", "usual"), [], ["epochs"])
    assert (fact.found, fact.holds) == ("10 and 14", True)


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_can_be_read_off_every_method(name):
    for method in (*METHODS, "dense"):
        [fact] = compare_setups(RUN, (method, method), [name], [])
        assert fact.holds


FILTERS = {"method": "filters", "steps": [
    INIT, DENSE, PRUNE | {"select": {"structure": "filter"}}, {"do": "shrink"}, RETRAIN, MEASURE,
]}  # fmt: skip
MORE = [
    FILTERS,
    {"method": "small", "steps": [{"do": "shape-of", "method": "filters"}, INIT, DENSE, MEASURE]},
    {"method": "borrowed", "steps": [INIT, {"do": "adopt", "method": "usual"}, DENSE, MEASURE]},
    {"method": "lent", "steps": [INIT, EARLY, {"do": "adopt", "method": "usual"}, DENSE, MEASURE]},
    {"method": "again", "steps": [
        INIT, DENSE, PRUNE | {"name": "mask"}, INIT | {"name": "anew"}, {"do": "adopt", "mask": "mask"}, DENSE, MEASURE,
    ]},
    {"method": "moving", "steps": [INIT, PRUNE, DENSE | {"updates": [{"id": "set", "until": 0.75}]}, MEASURE]},
]  # fmt: skip
LARGER = RUN.model_copy(update={"methods": (*RUN.methods, *(Method.model_validate(each) for each in MORE))})


def method_of(name):
    return dense_method() if name == "dense" else next(each for each in LARGER.methods if each.method == name)


@pytest.mark.parametrize(
    ("name", "before", "pruning", "after"),
    [
        ("dense", [(0, 10)], [], []),
        ("usual", [(0, 10)], [], [(0, 4)]),
        ("iterations", [(0, 10)], [], [(0, 4)]),
        ("scratch", [], [], [(0, 4)]),
        ("rounds", [(0, 10)], [(0, 4), (0, 4)], [(0, 4)]),
        ("rewinding", [(0, 2), (2, 10)], [], [(2, 10)]),
        ("branched", [(0, 10)], [], [(0, 4)]),
        ("gradual", [], [(0, 2)], [(2, 4)]),
        ("search", [], [(0, 10)], []),
        ("moving", [], [(0, 7.5)], [(7.5, 10)]),
        ("filters", [(0, 10)], [], [(0, 4)]),
        ("small", [], [], [(0, 10)]),
        ("borrowed", [], [], [(0, 10)]),
        ("lent", [(0, 2)], [], [(2, 10)]),
        ("again", [], [], [(0, 10)]),
    ],
)
def test_trainings_are_told_apart_by_what_they_are_for(name, before, pruning, after):
    found = phases_of(LARGER, method_of(name))
    assert [[part[1:] for part in each] for each in (found.before, found.pruning, found.after)] == [
        before,
        pruning,
        after,
    ]
    assert found.is_scratch == (name in ("small", "borrowed", "again"))


def test_what_comes_before_pruning_makes_the_base():
    assert [step.do for step in cut_before_pruning(LARGER, method_of("rewinding")).steps] == ["init", "train", "train"]
    assert [step.do for step in cut_before_pruning(LARGER, method_of("rounds")).steps] == ["init", "train"]
    assert cut_before_pruning(LARGER, method_of("small")) is None


def test_a_structure_is_taken_over_with_a_mask_or_a_shape():
    found = {
        name: structures_of(LARGER, method_of(name)) for name in ("dense", "usual", "filters", "small", "borrowed")
    }
    assert found == {
        "dense": [],
        "usual": ["weight"],
        "filters": ["filter"],
        "small": ["filter"],
        "borrowed": ["weight"],
    }
