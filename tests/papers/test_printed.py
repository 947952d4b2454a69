import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import BadConfig
from pruneproof.papers.printed import check_printed, select_rows
from pruneproof.papers.schema import Comparison, PrintedClaim, Quantity

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
