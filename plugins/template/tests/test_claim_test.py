"""The claim test decides as the sign test does."""

import pytest
from pruneproof_template.claim_test import template_claim_test

from pruneproof.api import BadConfig


@pytest.mark.parametrize(
    ("first", "second", "verdict", "value"),
    [
        ([2, 2, 2, 2, 2, 2], [1, 1, 1, 1, 1, 1], "holds", 100),
        ([1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2], "fails", 0),
        ([2, 2, 2, 2, 2], [1, 1, 1, 1, 1], "inconclusive", 100),  # p = 2 / 2^5
        ([2, 2, 1, 1], [1, 1, 2, 2], "inconclusive", 50),
    ],
)
def test_it_decides_where_chance_is_no_explanation(first, second, verdict, value):
    outcome = template_claim_test([first, second])
    assert (outcome.verdict, outcome.value, outcome.n) == (verdict, value, len(first))


def test_equal_seeds_and_diverged_ones_are_left_out():
    assert template_claim_test([[1, 2, float("nan"), 3], [1, 1, 1, 1]]).n == 2


def test_three_operands_are_refused():
    with pytest.raises(BadConfig, match="3 operands"):
        template_claim_test([[1], [2], [3]])
