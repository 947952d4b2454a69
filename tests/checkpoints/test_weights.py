import pytest

from pruneproof.checkpoints.weights import Weight, choose_weights
from pruneproof.errors import BadOption, BadTensor

STORED = [
    Weight("b.weight", "F32", (4, 2)),
    Weight("a.weight", "BF16", (2, 2, 3)),
    Weight("a.bias", "F32", (2,)),
    Weight("steps", "I64", (1, 1)),
]


def names(include=(), exclude=()):
    return [weight.name for weight in choose_weights(STORED, include, exclude)]


def test_by_default_what_has_two_dimensions_and_fractions_is_pruned():
    assert names() == ["a.weight", "b.weight"]


def test_patterns_choose():
    assert names(["*.bias", "b.*"]) == ["a.bias", "b.weight"]
    assert names(exclude=["b.*"]) == ["a.weight"]


@pytest.mark.parametrize(("include", "exclude"), [(["c.*"], []), ([], ["c.*"]), (["A.weight"], [])])
def test_a_pattern_that_matches_nothing_is_refused(include, exclude):
    with pytest.raises(BadOption, match="matches none of the 4 tensors"):
        names(include, exclude)


def test_nothing_to_prune_is_refused():
    with pytest.raises(BadOption, match="no weight to prune"):
        names(exclude=["*"])


def test_dtypes_without_an_order_are_refused_and_not_passed_over():
    with pytest.raises(BadTensor, match="I64"):
        names(["steps"])
    with pytest.raises(BadTensor, match="F8_E4M3"):
        choose_weights([*STORED, Weight("c.weight", "F8_E4M3", (2, 2))], [], [])
