import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruneproof.claim_tests.crossing import sign_change
from pruneproof.claim_tests.medians import paired_difference

law = settings(deadline=None, max_examples=50)
accuracy = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)


def aligned(operands: int) -> st.SearchStrategy[list[list[float]]]:
    """Draw as many operands, all of the same 2 to 8 seeds."""
    seeds = st.integers(2, 8)
    one = seeds.map(lambda n: st.lists(accuracy, min_size=n, max_size=n))
    return one.flatmap(lambda row: st.lists(row, min_size=operands, max_size=operands))


LOW_FIRST = [[95.0, 95.1, 95.2, 95.1, 95.0, 95.3], [94.0, 94.2, 94.1, 94.1, 94.0, 94.2]]
HIGH_SECOND = [[60.0, 60.5, 60.2, 60.1, 60.3, 60.2], [65.0, 65.1, 65.6, 65.2, 65.3, 65.1]]


def test_a_crossover_holds_only_when_both_halves_do() -> None:
    assert sign_change.decide(LOW_FIRST + HIGH_SECOND).verdict == "holds"
    assert sign_change.decide(LOW_FIRST + HIGH_SECOND[::-1]).verdict == "fails"
    unclear = sign_change.decide([*LOW_FIRST, HIGH_SECOND[0], [60.2, 60.4, 60.4, 60.2, 60.4, 60.3]])
    assert unclear.verdict == "inconclusive"
    assert unclear.seeds_needed is not None


def test_a_crossover_fails_at_half_the_error_rate_for_each_half() -> None:
    five = [row[:5] for row in LOW_FIRST + HIGH_SECOND[::-1]]
    assert sign_change.decide(five).verdict == "inconclusive"  # 2 / 2^5 is above 5 %
    assert sign_change.decide([row[:5] for row in LOW_FIRST + HIGH_SECOND]).verdict == "holds"


def test_a_crossover_reports_the_half_that_decides() -> None:
    outcome = sign_change.decide(LOW_FIRST + HIGH_SECOND)
    assert outcome.value == pytest.approx(1.0)
    failed = sign_change.decide(LOW_FIRST + HIGH_SECOND[::-1])
    assert failed.value == pytest.approx(-5.0)


@law
@given(aligned(4))
def test_a_crossover_is_the_intersection_of_two_paired_differences(samples: list[list[float]]) -> None:
    a_low, b_low, a_high, b_high = samples
    halves = [paired_difference.decide(pair) for pair in ([a_low, b_low], [b_high, a_high])]
    found = sign_change.decide(samples).verdict
    assert (found == "holds") == all(half.verdict == "holds" for half in halves)
    assert found != "fails" or any(half.verdict == "fails" and half.p <= 0.025 for half in halves)
