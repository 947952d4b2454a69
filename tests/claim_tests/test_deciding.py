"""What all claim tests share: how they take samples and parameters, and what they refuse."""

import math
from typing import Any

import pytest

from pruneproof.api import BadConfig, ClaimTest, Outcome
from pruneproof.claim_tests.catalogue import CLAIM_TESTS

TESTS: dict[str, ClaimTest] = {test.id: test for test in CLAIM_TESTS}
NEEDED: dict[str, tuple[int, dict[str, Any]]] = {
    "paired-difference": (2, {}),
    "equivalence": (2, {"margin": 0.5}),
    "distance": (1, {"reported": 90.0, "tolerance": 1.0}),
    "threshold": (1, {"relation": ">", "value": 20.0}),
    "sign-change": (4, {}),
    "some-sign-change": (8, {"pairs": 2}),
    "crossed-recipes": (4, {"expected": "first"}),
    "monotone-trend": (3, {"direction": "increasing"}),
    "collapse": (1, {"expected": True, "chance": 10.0}),
    "repair": (2, {}),
    "agreement": (1, {"at_least": 0.98}),
    "chosen-difference": (2, {"first": 1, "choosing": 1}),
    "chosen-equivalence": (3, {"first": 1, "second": 1, "choosing": 1, "share": 0.25}),
    "relative-gain": (4, {"first": 2, "choosing": 1}),
    "rank-correlation": (6, {"within": 0.4}),
    "local-correlation": (6, {"best": 0.5}),
    "spread-ratio": (4, {"at_most": 0.2}),
}


def decide(test: str, samples: list[list[float]], **parameters: Any) -> Outcome:
    return TESTS[test].decide(samples, **parameters)


def test_every_test_is_covered_here() -> None:
    assert set(NEEDED) == set(TESTS)


@pytest.mark.parametrize("test", NEEDED)
@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_seeds_are_inconclusive(test: str, n: int) -> None:
    operands, parameters = NEEDED[test]
    outcome = decide(test, [[10.0] * n] * operands, **parameters)
    assert (outcome.verdict, outcome.n, outcome.seeds_needed) == ("inconclusive", n, 2)
    assert f"n = {n} cannot" in outcome.reason


@pytest.mark.parametrize("test", NEEDED)
def test_two_seeds_decide_nothing(test: str) -> None:
    operands, parameters = NEEDED[test]
    for samples in ([[float(place), place + 1.0] for place in range(operands)], [[90.0, 95.0]] * operands):
        for order in (samples, samples[::-1]):
            assert decide(test, order, **parameters).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("test", "fewest"),
    [
        (test, {"monotone-trend": 3, "some-sign-change": 6}.get(test, 5 + NEEDED[test][1].get("choosing", 0)))
        for test in NEEDED
    ],
)
def test_a_test_says_with_how_many_seeds_it_decides(test: str, fewest: int) -> None:
    parameters = NEEDED[test][1]
    assert TESTS[test].fewest is not None
    assert TESTS[test].fewest(**parameters) == fewest
    assert test == "monotone-trend" or TESTS[test].fewest(**parameters, level=0.99) == fewest + 2


@pytest.mark.parametrize("test", NEEDED)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_inconclusive_and_said(test: str, bad: float) -> None:
    operands, parameters = NEEDED[test]
    outcome = decide(test, [[90.0, bad, 91.0]] + [[1.0, 2.0, 3.0]] * (operands - 1), **parameters)
    assert outcome.verdict == "inconclusive"
    assert "not finite" in outcome.reason


@pytest.mark.parametrize("test", NEEDED)
def test_too_few_operands_are_refused(test: str) -> None:
    operands, parameters = NEEDED[test]
    with pytest.raises(BadConfig, match=f'"{test}" got {operands - 1} operands'):
        decide(test, [[1.0, 2.0]] * (operands - 1), **parameters)


@pytest.mark.parametrize("test", ["paired-difference", "equivalence", "distance", "threshold", "sign-change"])
def test_too_many_operands_are_refused(test: str) -> None:
    operands, parameters = NEEDED[test]
    with pytest.raises(BadConfig, match=f"takes exactly {operands}"):
        decide(test, [[1.0, 2.0]] * (operands + 1), **parameters)


@pytest.mark.parametrize("test", NEEDED)
def test_an_unknown_parameter_is_refused_before_there_are_samples(test: str) -> None:
    operands, parameters = NEEDED[test]
    with pytest.raises(BadConfig, match=r'parameter "marginn": it takes no such parameter. Known: '):
        decide(test, [[]] * operands, **parameters, marginn=1.0)


@pytest.mark.parametrize(
    ("test", "parameters", "message"),
    [
        ("equivalence", {}, r'"margin": it is missing'),
        ("equivalence", {"margin": 0.0}, "greater than 0"),
        ("equivalence", {"margin": True}, "valid number, found True"),
        ("distance", {"reported": math.nan, "tolerance": 1.0}, "finite number"),
        ("threshold", {"relation": ">=", "value": 1.0}, "'>' or '<', found '>='"),
        ("monotone-trend", {"direction": "up"}, "'increasing' or 'decreasing'"),
        ("paired-difference", {"effect": 0.0}, "greater than 0"),
        ("paired-difference", {"resolution": -1.0}, "greater than or equal to 0"),
        ("collapse", {"expected": True, "share": 1.0}, "less than 1"),
        ("paired-difference", {"level": 1.0}, "less than 1"),
        ("paired-difference", {"level": 95}, "less than 1"),
        ("collapse", {"expected": "yes"}, "valid boolean"),
        ("collapse", {"expected": True, "tolerance": -1.0}, "greater than or equal to 0"),
    ],
)
def test_a_bad_parameter_is_refused(test: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfig, match=message):
        decide(test, [[]] * NEEDED[test][0], **parameters)


def test_operands_with_different_seeds_are_refused() -> None:
    with pytest.raises(BadConfig, match=r"operands have \[3, 2\] seeds"):
        decide("paired-difference", [[1.0, 2.0, 3.0], [1.0, 2.0]])


@pytest.mark.parametrize(
    ("test", "operands", "parameters", "message"),
    [
        ("chosen-difference", 3, {"first": 3, "choosing": 1}, "more than first = 3 were expected"),
        ("chosen-equivalence", 4, {"first": 2, "second": 2, "choosing": 1, "share": 0.2}, "first . second . 1 = 5"),
        ("relative-gain", 4, {"first": 1, "choosing": 1}, "at least two on each side of first = 1"),
        ("rank-correlation", 7, {"within": 0.4}, "an even number"),
        ("local-correlation", 6, {"best": 0.6}, "at most one half"),
        ("spread-ratio", 5, {"at_most": 0.2}, "an even number"),
        ("rank-correlation", 6, {}, '"within": it is missing'),
    ],
)
def test_a_number_of_operands_that_makes_no_sense_is_refused_before_there_is_evidence(
    test, operands, parameters, message
):
    with pytest.raises(BadConfig, match=f'claim test "{test}".*{message}'):
        decide(test, [[]] * operands, **parameters)
