import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pruneproof.claim_tests.collapse import collapse, repair

MIRROR = {"holds": "fails", "fails": "holds", "inconclusive": "inconclusive"}
law = settings(deadline=None, max_examples=50)
accuracy = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)


def aligned(operands: int) -> st.SearchStrategy[list[list[float]]]:
    """Draw as many operands, all of the same 2 to 8 seeds."""
    seeds = st.integers(2, 8)
    one = seeds.map(lambda n: st.lists(accuracy, min_size=n, max_size=n))
    return one.flatmap(lambda row: st.lists(row, min_size=operands, max_size=operands))


def test_all_or_none_collapsed_decides() -> None:
    for expected, verdicts in ((True, ("holds", "fails")), (False, ("fails", "holds"))):
        found = tuple(
            collapse.decide([row], expected=expected, chance=10.0).verdict
            for row in ([10.0, 10.0, 9.8, 10.0, 10.0], [82.0, 83.0, 83.0, 82.0, 82.5])
        )
        assert found == verdicts


@pytest.mark.parametrize("n", [2, 3, 4])
def test_so_few_seeds_decide_nothing_even_where_all_collapse(n: int) -> None:
    outcome = collapse.decide([[1.0] * n], expected=True)
    assert outcome.verdict == "inconclusive"


@pytest.mark.parametrize("n", [3, 5, 8, 10, 20])
@pytest.mark.parametrize("expected", [True, False])
def test_it_decides_only_where_the_interval_excludes_one_half(n: int, expected: bool) -> None:
    for count in range(n + 1):
        outcome = collapse.decide([[1.0] * count + [0.0] * (n - count)], expected=expected)
        found = stats.binomtest(count, n).proportion_ci(0.9, method="exact")
        assert (outcome.low, outcome.high) == pytest.approx((found.low, found.high))
        decided = found.low > 0.5 or found.high < 0.5
        assert (outcome.verdict != "inconclusive") == decided
        assert not decided or (outcome.verdict == "holds") == ((found.low > 0.5) == expected)


def test_another_share_may_be_claimed() -> None:
    row = [[1.0] * 16 + [0.0] * 4]
    assert collapse.decide(row, expected=True, share=0.5).verdict == "holds"
    assert collapse.decide(row, expected=True, share=0.95).verdict == "fails"
    assert collapse.decide([[1.0] * 5], expected=True, share=0.9).verdict == "inconclusive"
    assert collapse.decide([[1.0] * 29], expected=True, share=0.9).verdict == "holds"


def test_collapse_without_chance_counts_what_is_above_tolerance() -> None:
    assert collapse.decide([[4.0, 3.0, 4.0, 1.0, 2.0]], expected=True).verdict == "holds"
    assert collapse.decide([[0.0] * 5], expected=True).verdict == "fails"
    assert collapse.decide([[1.0, 1.0, 0.0, 1.0, 1.0]], expected=True, tolerance=1.0).verdict == "fails"


def test_a_mixture_says_what_it_lacks() -> None:
    outcome = collapse.decide([[10.0] * 4 + [50.0]], expected=True, chance=10.0)
    assert outcome.verdict == "inconclusive"
    assert "4 of 5" in outcome.reason
    assert outcome.seeds_needed is not None
    assert collapse.decide([[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]], expected=True).seeds_needed is None


def test_one_operand_against_the_claim_is_enough_at_a_shared_error_rate() -> None:
    for expected in (True, False):
        for n, verdict in ((5, "inconclusive"), (6, "fails")):
            samples = [[90.0] * n, [10.0] * n]
            assert collapse.decide(samples, expected=expected, chance=10.0).verdict == verdict


# Repair.


def test_repair_is_mcnemars_exact_test() -> None:
    treated, untreated = [90.0] * 6 + [10.0] * 2, [10.0] * 5 + [90.0, 10.0, 10.0]
    outcome = repair.decide([treated, untreated], chance=10.0, tolerance=1.0)
    assert (outcome.verdict, outcome.value, outcome.n, outcome.p) == ("holds", 1.0, 5, 0.03125)
    assert "Of 8 networks 5 were repaired and 0 broken" in outcome.reason
    assert repair.decide([untreated, treated], chance=10.0, tolerance=1.0).verdict == "fails"


def test_networks_that_do_not_change_say_nothing_about_repair() -> None:
    four = repair.decide([[0.0] * 4 + [1.0] * 20, [1.0] * 24])
    assert (four.verdict, four.n) == ("inconclusive", 4)
    none = repair.decide([[1.0] * 8, [1.0] * 8])
    assert (none.verdict, none.value) == ("inconclusive", None)


@law
@given(aligned(2))
def test_collapse_expected_or_not_are_never_both_right(samples: list[list[float]]) -> None:
    verdicts = [collapse.decide(samples, expected=expected, chance=50.0).verdict for expected in (True, False)]
    assert verdicts.count("holds") <= 1
    single = [collapse.decide(samples[:1], expected=expected, chance=50.0).verdict for expected in (True, False)]
    assert single[1] == MIRROR[single[0]]
