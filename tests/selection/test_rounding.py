from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pruneproof.selection.rounding import largest_remainder, proportional

AMOUNTS = st.dictionaries(st.text(max_size=3), st.integers(0, 10**9), max_size=6)


@given(amounts=AMOUNTS, portion=st.fractions(0, 1))
def test_a_split_is_whole_exact_and_within_one_of_its_share(amounts, portion):
    whole = sum(amounts.values())
    total = int(portion * whole)
    counts = proportional(amounts, total)
    assert sum(counts.values()) == total
    for name, amount in amounts.items():
        assert 0 <= counts[name] <= amount
        assert not whole or abs(counts[name] - Fraction(total * amount, whole)) < 1


def test_equal_remainders_go_in_name_order():
    third = Fraction(1, 3)
    assert largest_remainder({"c": third, "b": third, "a": third}, 1) == {"c": 0, "b": 0, "a": 1}
