import pytest

from pruneproof.checkpoints.weights import Weight, choose_weights, left_out, unnamed
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


QUANTISED = [
    Weight("fc.qweight", "I32", (4, 32)),
    Weight("fc.scales", "F16", (2, 32)),
    Weight("up.weight_scale_inv", "F8_E8M0", (2, 2)),
    Weight("head.weight", "F16", (10, 32)),
    Weight("table", "F16", (10, 32)),
]


def test_what_is_no_weight_is_left_out_by_default_and_taken_when_it_is_named():
    assert [weight.name for weight in choose_weights(QUANTISED, [], [])] == ["head.weight", "table"]
    assert [weight.name for weight in choose_weights(QUANTISED, ["*.scales"], [])] == ["fc.scales"]


def test_all_that_is_left_out_has_a_reason():
    assert left_out(QUANTISED, [], ["head.*"], flat=["table"]) == {
        "fc.qweight": "whole numbers",
        "fc.scales": "a scale or zero point",
        "head.weight": "matched by --exclude",
        "table": "a mask or constant of at most two values",
        "up.weight_scale_inv": "a scale or zero point",
    }
    assert left_out(QUANTISED, ["fc.scales", "head.*"], ["head.*"]) == {
        "fc.qweight": "matched by no --include",
        "head.weight": "matched by --exclude",
        "table": "matched by no --include",
        "up.weight_scale_inv": "matched by no --include",
    }


def test_numbers_are_asked_only_where_the_name_says_nothing():
    assert [tensor.name for tensor in unnamed(QUANTISED, [], [])] == ["table"]
    assert unnamed(QUANTISED, ["table"], []) == []
    assert unnamed(QUANTISED, [], ["tab*"]) == []


def test_where_nothing_is_left_the_reasons_are_given():
    with pytest.raises(BadOption, match=r'"fc\.scales": a scale or zero point'):
        choose_weights(QUANTISED[:2], [], [])
