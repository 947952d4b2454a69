import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.criteria.magnitude import magnitude

FLOATS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20)


@given(FLOATS)
def test_the_score_is_the_absolute_value_in_the_weights_dtype(values):
    weight = torch.tensor(values, dtype=torch.float32)
    score = magnitude({"w": weight})["w"]
    assert score.dtype == torch.float32
    assert score.tolist() == [abs(value) for value in weight.tolist()]


@given(FLOATS, st.lists(st.sampled_from([-1.0, 1.0]), min_size=20, max_size=20))
def test_signs_do_not_matter(values, signs):
    weight = torch.tensor(values)
    flipped = weight * torch.tensor(signs[: len(values)])
    assert torch.equal(magnitude({"w": flipped})["w"], magnitude({"w": weight})["w"])


@given(FLOATS, st.integers(-10, 10))
def test_scores_scale_with_the_weights(values, exponent):
    weight = torch.tensor(values, dtype=torch.float64)
    assert torch.equal(magnitude({"w": weight * 2.0**exponent})["w"], magnitude({"w": weight})["w"] * 2.0**exponent)
