import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.source import Source
from pruneproof.errors import BadConfig, BadPlugin, InfeasibleSelection
from pruneproof.selection.amount import Amount
from pruneproof.units import keep_count

SOURCE = Source("Nobody", 2026, "Nothing")


def rule(keep):
    return CountingRule("mine", keep, SOURCE, "counts")


def by_rule(keep, *, sparsity=0.5, size=8, alive=8, options=()):
    return Amount(sparsity).by_rule(rule(keep), dict(options), size, alive, lambda: np.arange(float(alive)))


@given(st.integers(0, 1000), st.floats(0, 0.999))
def test_a_sparsity_keeps_n_minus_the_whole_part_of_what_it_removes(size, sparsity):
    assert Amount(sparsity).of(size, "here") == keep_count(size, sparsity)


@pytest.mark.parametrize("amount", [Amount(), Amount(0.5, 3)])
def test_exactly_one_amount_is_given(amount):
    with pytest.raises(BadConfig, match="exactly one of `sparsity` and `keep`"):
        amount.of(8, "here")


@pytest.mark.parametrize("keep", [-1, 9])
def test_a_number_out_of_range_names_what_competes(keep):
    with pytest.raises(
        InfeasibleSelection, match=f"{keep} units of all my tensors are to be kept; a number from 0 to 8"
    ):
        Amount(keep=keep).of(8, "all my tensors")


def test_a_rule_sees_the_living_and_the_fraction_of_them_that_leads_to_the_sparsity():
    seen = []

    def keep(scores, size, sparsity):
        seen.append((scores.tolist(), size, sparsity))
        return size

    assert by_rule(keep) == 8
    assert by_rule(keep, alive=6) == 6
    assert by_rule(keep, sparsity=0.1, alive=6) == 6
    assert [size for _, size, _ in seen] == [8, 6, 6]
    assert [sparsity for *_, sparsity in seen] == [0.5, pytest.approx(1 / 3), 0.0]
    assert seen[1][0] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_rule_gets_its_options_and_only_the_ingredients_that_it_names():
    def scores():
        raise AssertionError("nobody asked")

    counts = rule(lambda size, *, off: size - off)
    assert Amount(0.5).by_rule(counts, {"off": 3}, 8, 8, scores) == 5


def test_where_nothing_is_alive_no_rule_is_asked():
    assert by_rule(lambda size: 1 / 0, alive=0) == 0


@pytest.mark.parametrize("answer", [-1, 9, 4.0, True, None, "4"])
def test_an_answer_that_is_no_number_of_units_is_refused(answer):
    with pytest.raises(BadPlugin, match=r'counting rule "mine" keeps .* of 8 units; a whole number from 0 to 8'):
        by_rule(lambda size: answer)


def test_a_numpy_integer_is_a_number_of_units():
    assert by_rule(lambda size: np.int32(3)) == 3


def test_a_rule_counts_by_a_sparsity_in_range():
    with pytest.raises(BadConfig, match='"mine" counts by a sparsity'):
        Amount(keep=3).by_rule(rule(lambda size: 3), {}, 8, 8, lambda: np.zeros(8))
    with pytest.raises(BadConfig, match=r"sparsity 1\.0 is out of range"):
        by_rule(lambda size: 3, sparsity=1.0)


def test_a_rule_may_count_of_all_units_or_from_target_to_target():
    def keep(total, target, fraction):
        assert (total, target) == (1000, 0.36)
        return round(1000 * fraction)

    def asked(before):
        return Amount(0.36, before=before).by_rule(rule(keep), {}, 1000, 799, lambda: np.zeros(799))

    assert asked(0.2) == 200
    assert asked(None) == 199  # 1 - 0.64 / 0.799
    assert asked(0.5) == 0


@given(rounds=st.integers(1, 30), percent=st.integers(1, 50))
def test_equal_fractions_stay_the_number_that_was_written(rounds, percent):
    seen = []
    before, target = (float(1 - (1 - percent / 100) ** each) for each in (rounds, rounds + 1))
    keep = rule(lambda fraction: seen.append(fraction) or 0)
    Amount(target, before=before).by_rule(keep, {}, 10, 5, lambda: np.zeros(5))
    assert seen == [percent / 100]
