from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pruneproof.claim_tests.collapse import collapse

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
            for row in ([10.0, 10.0, 9.8], [82.0, 83.0, 83.0])
        )
        assert found == verdicts


def test_collapse_without_chance_counts_what_is_above_tolerance() -> None:
    assert collapse.decide([[4.0, 3.0, 4.0]], expected=True).verdict == "holds"
    assert collapse.decide([[0.0, 0.0, 0.0]], expected=True).verdict == "fails"
    assert collapse.decide([[1.0, 1.0, 0.0]], expected=True, tolerance=1.0).verdict == "fails"


def test_a_mixture_is_inconclusive_until_its_share_excludes_one_half() -> None:
    four_of_five = collapse.decide([[10.0] * 4 + [50.0]], expected=True, chance=10.0)
    assert four_of_five.verdict == "inconclusive"
    assert "4 of 5" in four_of_five.reason
    found = stats.binomtest(4, 5).proportion_ci(0.95, method="exact")
    assert (four_of_five.low, four_of_five.high) == (found.low, found.high)
    nineteen_of_twenty = [[10.0] * 19 + [50.0]]
    assert collapse.decide(nineteen_of_twenty, expected=True, chance=10.0).verdict == "holds"
    assert collapse.decide(nineteen_of_twenty, expected=False, chance=10.0).verdict == "fails"


def test_the_seeds_asked_for_would_settle_a_mixture() -> None:
    needed = collapse.decide([[10.0] * 4 + [50.0]], expected=True, chance=10.0).seeds_needed
    assert needed is not None
    collapsed = round(0.8 * needed)
    grown = [[10.0] * collapsed + [50.0] * (needed - collapsed)]
    assert collapse.decide(grown, expected=True, chance=10.0).verdict == "holds"


def test_an_even_mixture_is_settled_by_no_number() -> None:
    assert collapse.decide([[0.0, 1.0]], expected=True).seeds_needed is None


def test_one_operand_against_the_claim_is_enough() -> None:
    healthy, collapsed = [90.0, 91.0, 92.0], [10.0, 10.0, 10.0]
    for expected in (True, False):
        assert collapse.decide([healthy, collapsed], expected=expected, chance=10.0).verdict == "fails"


@law
@given(aligned(2))
def test_collapse_expected_or_not_are_never_both_right(samples: list[list[float]]) -> None:
    verdicts = [collapse.decide(samples, expected=expected, chance=50.0).verdict for expected in (True, False)]
    assert verdicts.count("holds") <= 1
    single = [collapse.decide(samples[:1], expected=expected, chance=50.0).verdict for expected in (True, False)]
    assert single[1] == MIRROR[single[0]]
