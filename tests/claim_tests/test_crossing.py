import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pruneproof.claim_tests.crossing import sign_change, some_sign_change
from pruneproof.claim_tests.medians import paired_difference
from pruneproof.errors import BadConfig

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


CROSSING, PARALLEL = LOW_FIRST + HIGH_SECOND, LOW_FIRST + HIGH_SECOND[::-1]


def test_one_pair_that_crosses_is_enough() -> None:
    outcome = some_sign_change.decide(PARALLEL + CROSSING, pairs=2)
    assert (outcome.verdict, outcome.value) == ("holds", pytest.approx(1.0))
    assert "Of 2 pairs, number 2 is the nearest to crossing" in outcome.reason


def test_that_a_pair_crosses_fails_when_none_does() -> None:
    assert some_sign_change.decide(PARALLEL + PARALLEL, pairs=2).verdict == "fails"
    unclear = [*LOW_FIRST, HIGH_SECOND[0], [60.2, 60.4, 60.4, 60.2, 60.4, 60.3]]
    assert some_sign_change.decide(PARALLEL + unclear, pairs=2).verdict == "inconclusive"


def test_more_pairs_need_more_seeds() -> None:
    five = [row[:5] for row in CROSSING + PARALLEL]
    assert sign_change.decide(five[:4]).verdict == "holds"
    assert some_sign_change.decide(five, pairs=2).verdict == "inconclusive"  # 2 / 2^5 is above 5 %
    assert some_sign_change.fewest(pairs=2) == 6


def test_operands_that_are_no_pairs_are_refused() -> None:
    with pytest.raises(BadConfig, match=re.escape('"some-sign-change" got 8 operands for 3 pairs; each has four')):
        some_sign_change.decide(CROSSING + PARALLEL, pairs=3)


@law
@given(aligned(8))
def test_a_pair_exists_where_one_crosses_at_its_share_of_the_error_rate(samples: list[list[float]]) -> None:
    found = some_sign_change.decide(samples, pairs=2).verdict
    pairs = samples[:4], samples[4:]
    assert (found == "holds") == any(sign_change.decide(pair, level=0.975).verdict == "holds" for pair in pairs)
    assert found != "fails" or all(sign_change.decide(pair).verdict == "fails" for pair in pairs)
