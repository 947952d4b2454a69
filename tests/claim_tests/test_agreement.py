import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruneproof.claim_tests.agreement import agreement

law = settings(deadline=None, max_examples=50)
accuracy = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)


def aligned(operands: int) -> st.SearchStrategy[list[list[float]]]:
    """Draw as many operands, all of the same 2 to 8 seeds."""
    seeds = st.integers(2, 8)
    one = seeds.map(lambda n: st.lists(accuracy, min_size=n, max_size=n))
    return one.flatmap(lambda row: st.lists(row, min_size=operands, max_size=operands))


def densities(*networks: list[float]) -> list[list[float]]:
    """Samples of one operand per layer, from one list of layers per network."""
    return [list(layer) for layer in zip(*networks, strict=True)]


ALIKE = [[0.9, 0.5, 0.1], [0.8, 0.45, 0.1], [0.7, 0.4, 0.1], [0.9, 0.51, 0.1], [0.6, 0.35, 0.1]]
OTHER = [0.1, 0.5, 0.3]


def test_networks_with_proportional_layers_agree() -> None:
    outcome = agreement.decide(densities(*ALIKE), at_least=0.98)
    assert (outcome.verdict, outcome.n, outcome.p, outcome.bounds) == ("holds", 5, 0.03125, (0.98,))
    assert outcome.low is not None
    assert outcome.low >= 0.98


def test_a_few_networks_decide_nothing() -> None:
    outcome = agreement.decide(densities(*ALIKE[:3]), at_least=0.98)
    assert (outcome.verdict, outcome.p) == ("inconclusive", 0.125)
    assert "at least 5 are needed" in outcome.reason


def test_networks_without_a_common_profile_do_not_agree() -> None:
    rng = np.random.default_rng(0)
    outcome = agreement.decide(rng.random((30, 8)).tolist(), at_least=0.98)
    assert outcome.verdict == "fails"
    assert "no two agree" in outcome.reason


def test_one_network_of_eight_may_differ_but_not_one_of_five() -> None:
    assert agreement.decide(densities(*ALIKE[:4], OTHER), at_least=0.98).verdict == "inconclusive"
    eight = agreement.decide(densities(*ALIKE, *ALIKE[:2], OTHER), at_least=0.98)
    assert (eight.verdict, "7 agree with each other" in eight.reason) == ("holds", True)


def test_equal_layers_cannot_correlate() -> None:
    assert agreement.decide(densities([0.5, 0.5], [0.2, 0.3], [0.1, 0.3]), at_least=0.98).verdict == "inconclusive"


@law
@given(aligned(4))
def test_agreement_is_numpy_s_smallest_correlation(samples: list[list[float]]) -> None:
    outcome = agreement.decide(samples, at_least=0.5)
    values = np.array(samples)
    if outcome.value is not None:
        smallest = min(np.corrcoef(values[:, a], values[:, b])[0, 1] for a in range(values.shape[1]) for b in range(a))
        assert outcome.low == pytest.approx(smallest)
