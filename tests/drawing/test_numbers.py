from hypothesis import given
from hypothesis import strategies as st

from pruneproof.drawing.numbers import percent, sentence, shown, signed

numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8)


@given(numbers)
def test_numbers_over_seeds_are_one_or_mean_and_deviation(values):
    assert shown(values).count("±") == (len(set(values)) > 1)


@given(st.lists(st.booleans(), min_size=2, max_size=8))
def test_yes_and_no_are_counted_over_seeds(values):
    assert shown(values) == f"{sum(values)} of {len(values)}"


def test_a_single_network_is_yes_or_no():
    assert (shown([True]), shown([False])) == ("yes", "no")


def test_counts_stay_whole_and_percentages_have_two_decimals():
    assert shown([49_000, 49_000], "weights") == "49,000"
    assert shown([1, 2], "epochs") == "1.5 ± 0.707"
    assert shown([97.5], "%") == "97.50"
    assert shown([0.0625], "nats") == "0.0625"


def test_small_words():
    assert (percent(0.98847), signed(-0.5), sentence("loss change")) == ("98.847 %", "-0.5", "Loss change")
