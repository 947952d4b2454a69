import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from pruneproof.errors import BadConfig
from pruneproof.papers.printed import check_printed, select_rows
from pruneproof.papers.schema import Comparison, Difference, PrintedClaim, Quantity, Welch
from pruneproof.statistics import welch_p

ROWS = [
    {"method": "A", "group": "90", "top1": "60.29", "flops": ""},
    {"method": "B", "group": "90.0", "top1": "60.02", "flops": "80.0"},
    {"method": "B", "group": "95", "top1": "60.1", "flops": "90"},
    {"method": "C", "group": "95", "top1": "", "flops": "95.6"},
]
TABLES = {"t": ROWS}


def quantity(**options):
    return Quantity(table="t", column=options.pop("column", "top1"), **options)


def decide(left, relation, right, plus=0.0):
    comparison = Comparison(left=left, relation=relation, right=right, plus=plus)
    claim = PrintedClaim(id="p", text="", where="", strength="stated", kind="printed", compare=(comparison,))
    return check_printed(claim, TABLES)


def test_numbers_filter_by_value_and_text_by_spelling():
    assert [row["method"] for row in select_rows(quantity(where={"group": 90}), TABLES)] == ["A", "B"]
    assert [row["method"] for row in select_rows(quantity(where={"group": "90"}), TABLES)] == ["A"]
    assert [row["method"] for row in select_rows(quantity(where={"method": ["A", "C"]}), TABLES)] == ["A", "C"]
    assert [row["method"] for row in select_rows(quantity(but_not={"method": "B"}), TABLES)] == ["A", "C"]


def test_a_cell_without_a_number_meets_no_bound():
    assert [row["top1"] for row in select_rows(quantity(at_least={"flops": 0.0}), TABLES)] == ["60.02", "60.1", ""]
    assert [row["method"] for row in select_rows(quantity(at_most={"top1": 100.0}), TABLES)] == ["A", "B", "B"]


def test_margins_are_exact_decimals_where_binary_numbers_would_err():
    margin = 0.27
    assert 60.02 + margin > 60.29
    left, right = quantity(where={"method": "A"}), quantity(where={"method": "B", "group": 90})
    outcome, facts = decide(left, "==", right, plus=margin)
    assert outcome.verdict == "holds"
    assert facts[0].found == "60.29, difference +0.00"
    assert decide(left, ">", right, plus=margin)[0].verdict == "fails"


@pytest.mark.parametrize(("reduce", "expected"), [("max", 60.1), ("min", 60.02), ("mean", 60.06), ("count", 2)])
def test_reductions(reduce, expected):
    assert decide(quantity(where={"method": "B"}, reduce=reduce), "==", expected)[0].verdict == "holds"


def test_a_claim_fails_with_its_first_false_comparison_and_keeps_all_facts():
    comparisons = [
        Comparison(left=1.0, relation="<", right=2.0),
        Comparison(left=3.0, relation="<", right=2.0, note="why"),
    ]
    claim = PrintedClaim(id="p", text="", where="", strength="stated", kind="printed", compare=tuple(comparisons))
    outcome, facts = check_printed(claim, TABLES)
    assert outcome.verdict == "fails"
    assert outcome.n == 2
    assert [fact.holds for fact in facts] == [True, False]
    assert "3 < 2 (why)" in outcome.reason


@pytest.mark.parametrize(
    ("where", "reduce", "message"),
    [
        ({"method": "B"}, "only", "finds 2 rows and 2 numbers; exactly one row was expected"),
        ({"method": "none"}, "only", "finds 0 rows"),
        ({"method": "C"}, "max", "finds 1 rows and 0 numbers; at least one number was expected"),
    ],
)
def test_a_quantity_that_is_not_there_is_refused(where, reduce, message):
    with pytest.raises(BadConfig, match=message):
        decide(quantity(where=where, reduce=reduce), "==", 1.0)


def test_a_column_of_words_is_refused():
    with pytest.raises(BadConfig, match=r'claim "p": column "method" of table t holds .* numbers were expected'):
        decide(quantity(column="method", where={"method": "A"}), "==", 1.0)


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from([">", ">=", "<", "<=", "=="]))
def test_relations_agree_with_integers_of_hundredths(left, right, relation):
    symbols = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq}
    outcome, _ = decide(left / 100, relation, right / 100)
    assert (outcome.verdict == "holds") == symbols[relation](left, right)


MEANS = {
    "t": [
        {"row": "P30", "top1": "84.00", "spread": "0.22"},
        {"row": "P15", "top1": "84.01", "spread": "0.23"},
        {"row": "scratch", "top1": "83.31", "spread": "0.13"},
        {"row": "long", "top1": "78.18", "spread": ""},
        {"row": "still", "top1": "79.70", "spread": "0.00"},
    ]
}


def decide_means(left, relation, right):
    comparison = Comparison(left=left, relation=relation, right=right)
    claim = PrintedClaim(id="p", text="", where="", strength="stated", kind="printed", compare=(comparison,))
    return check_printed(claim, MEANS)


def of(row, **options):
    return quantity(where={"row": row}, **options)


def test_differences_are_exact_and_said_in_words():
    outcome, [fact] = decide_means(Difference(difference=(of("P15"), of("scratch"))), "==", 0.7)
    assert outcome.verdict == "holds"
    assert fact.statement == "(t.top1 [row = P15] - t.top1 [row = scratch]) == 0.7"


def test_a_difference_may_stand_on_either_side():
    gain = Difference(difference=(of("P15"), of("P30")))
    assert decide_means(gain, "<", Difference(difference=(of("P15"), of("scratch"))))[0].verdict == "holds"


def test_a_test_takes_the_spread_of_the_row_that_is_picked():
    best = quantity(but_not={"row": ["scratch", "long", "still"]}, reduce="max")
    outcome, [fact] = decide_means(Welch(welch=(best, of("scratch")), spread="spread", runs=3), "<", 0.05)
    assert outcome.verdict == "holds"
    assert fact.found == f"{stats.ttest_ind_from_stats(84.01, 0.23, 3, 83.31, 0.13, 3, equal_var=False).pvalue:.3g}"


@given(st.floats(0.01, 2), st.floats(0.01, 2), st.floats(-3, 3), st.integers(2, 9))
def test_p_values_are_those_of_runs_with_these_means_and_spreads(one, other, shift, runs):
    """Of samples made to have the printed means and standard deviations exactly."""
    plain = np.linspace(-1, 1, runs)
    plain = plain / plain.std(ddof=1)
    expected = stats.ttest_ind(plain * one, plain * other + shift, equal_var=False).pvalue
    assert welch_p(0.0, one, runs, shift, other, runs) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_a_row_without_spread_and_two_spreads_of_zero_have_no_test():
    with pytest.raises(BadConfig, match=r'"p": t.top1 \[row = long\] finds 1 rows and 0 numbers'):
        decide_means(Welch(welch=(of("long"), of("scratch")), spread="spread", runs=3), "<", 0.05)
    with pytest.raises(BadConfig, match="two spreads of 0"):
        decide_means(Welch(welch=(of("still"), of("still")), spread="spread", runs=3), "<", 0.05)


def test_a_mean_of_cells_has_no_test():
    with pytest.raises(ValidationError, match="a mean or count of cells has no printed spread"):
        Welch(welch=(quantity(reduce="mean"), of("scratch")), spread="spread", runs=3)
