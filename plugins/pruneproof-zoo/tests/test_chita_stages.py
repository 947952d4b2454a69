"""CHITA's schedules by the printed vectors of its code."""

from itertools import pairwise

import pytest

from pruneproof.api import BadConfig
from pruneproof_zoo.chita_stages import chita_exp, chita_mfac, chita_poly


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (chita_poly, [0.1, 0.663, 0.8704, 0.9]),
        (chita_exp, [0.1, 0.5571, 0.7857, 0.9]),
        (chita_mfac, [0.4804, 0.7, 0.8268, 0.9]),
    ],
)
def test_from_a_tenth_to_nine_tenths_in_four_stages(schedule, expected):
    assert [round(each, 4) for each in schedule(0.9, 4, base=0.1)] == expected
    assert schedule(0.9, 1, base=0.1) == [0.9]


@pytest.mark.parametrize("schedule", [chita_poly, chita_exp])
def test_poly_and_exp_spend_their_first_stage_on_the_base(schedule):
    assert schedule(0.9, 4, base=0.3)[0] == 0.3


def test_each_stage_of_mfac_leaves_the_same_share():
    left = [1 - each for each in [0.1, *chita_mfac(0.9, 5, base=0.1)]]
    shares = [after / before for before, after in pairwise(left)]
    assert shares == pytest.approx([shares[0]] * 5)


@pytest.mark.parametrize("schedule", [chita_poly, chita_exp, chita_mfac])
def test_a_base_above_the_target_is_refused(schedule):
    with pytest.raises(BadConfig, match=r"base 0\.5: a sparsity in \[0, 0\.4\]"):
        schedule(0.4, 3, base=0.5)
