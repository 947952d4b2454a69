"""Counts by a schedule are those of exact arithmetic, wherever the exact sparsity is a rational number."""

from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pruneproof.schedules.cubic import cubic
from pruneproof.schedules.exponential import exponential
from pruneproof.schedules.front_loaded import front_loaded
from pruneproof.schedules.iterative import iterative, rounds
from pruneproof.schedules.linear import linear
from pruneproof.units import drop_count

STEPS = st.integers(1, 200)
MOST = 10**8


@st.composite
def decimals(draw, most=6):
    """Draw a number in [0, 1) of up to `most` decimals."""
    places = draw(st.integers(0, most))
    return Fraction(draw(st.integers(0, 10**places - 1)), 10**places)


@st.composite
def sizes(draw, exact):
    """Draw a number of weights, often one of which an exact sparsity removes a whole number."""
    denominator = draw(st.sampled_from(exact)).denominator
    whole = st.integers(1, MOST // denominator).map(lambda times: times * denominator)
    return draw(whole | st.integers(1, MOST) if denominator <= MOST else st.integers(1, MOST))


def counts_are_exact(found, exact, size):
    assert [drop_count(size, sparsity) for sparsity in found] == [floor(sparsity * size) for sparsity in exact]


@given(target=decimals(), steps=STEPS, data=st.data())
def test_linear(target, steps, data):
    exact = [target * step / steps for step in range(1, steps + 1)]
    counts_are_exact(linear(float(target), steps), exact, data.draw(sizes(exact)))


@given(target=decimals(), steps=STEPS, data=st.data())
def test_front_loaded(target, steps, data):
    exact = [1 - steps * (1 - target) / (step * target + steps * (1 - target)) for step in range(1, steps + 1)]
    counts_are_exact(front_loaded(float(target), steps), exact, data.draw(sizes(exact)))


@given(pair=st.tuples(decimals(), decimals()), steps=STEPS, data=st.data())
def test_cubic(pair, steps, data):
    initial, target = sorted(pair)
    exact = [target + (initial - target) * (1 - Fraction(step, steps)) ** 3 for step in range(1, steps + 1)]
    counts_are_exact(cubic(float(target), steps, initial=float(initial)), exact, data.draw(sizes(exact)))


@given(target=decimals(), rate=st.integers(1, 99).map(lambda percent: Fraction(percent, 100)), data=st.data())
def test_iterative(target, rate, data):
    steps = rounds(float(target), float(rate))
    exact = [*(min(1 - (1 - rate) ** step, target) for step in range(1, steps)), target]
    counts_are_exact(iterative(float(target), steps, rate=float(rate)), exact, data.draw(sizes(exact)))


@given(digits=st.integers(1, 9), data=st.data())
def test_exponential_through_powers_of_a_decimal_density(digits, data):
    # The density of the target is d^n, so that after step i it is d^i.
    density = Fraction(data.draw(st.integers(1, 10**digits)), 10**digits)
    most = 15 // digits
    steps = data.draw(st.integers(1, most))
    times = data.draw(st.integers(1, max(1, 200 // steps)))
    exact = [1 - density**step for step in range(1, steps + 1)]
    found = exponential(float(1 - density**steps), steps * times)
    counts_are_exact(found[times - 1 :: times], exact, data.draw(sizes(exact)))


@pytest.mark.parametrize("decades", range(1, 16))
def test_exponential_by_decades(decades):
    # 1 - 0.999999999 is 1.00000008e-09 in floating point, which would leave one weight more of a hundred thousand.
    target = float("0." + "9" * decades)
    assert exponential(target, decades) == [float("0." + "9" * step) for step in range(1, decades + 1)]


@example(target=1.175494351e-38, steps=118)
@given(target=st.floats(0, 1, exclude_max=True), steps=STEPS)
def test_exponential_never_falls_nor_leaves_its_range(target, steps):
    values = exponential(target, steps)
    assert values == sorted(values)
    assert 0 <= values[0] <= values[-1] == target


@pytest.mark.parametrize("target", [0.9, 0.956, 0.999999, 0.999999999, 1 - 1e-12])
@pytest.mark.parametrize("steps", [2, 14, 140])
def test_exponential_is_within_a_few_roundings_of_its_formula(target, steps):
    with localcontext(prec=40):
        left = 1 - Decimal(repr(target))
        for step, found in enumerate(exponential(target, steps), start=1):
            assert abs(1 - left ** (Decimal(step) / steps) - Decimal(found)) <= Decimal("5e-16")
