import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.allocations.lamp import lamp, lamp_scores

TOY = {
    "A": np.array([0.9, 0.8, 0.7, 0.6]),
    "B": np.array([0.5, 0.45, 0.4, 0.35, 0.3, 0.25]),
    "C": np.arange(10, 0, -1) / 100,
}


@pytest.mark.parametrize(("keep", "expected"), [(6, [2, 2, 2]), (8, [2, 3, 3])])
def test_counts_of_the_toy_network(keep, expected):
    assert list(lamp(TOY, keep).values()) == expected


def test_scores_of_the_toy_layer():
    assert sorted(lamp_scores(TOY["A"])) == pytest.approx([0.1565, 0.2526, 0.4414, 1.0], abs=5e-5)


def test_scores_match_their_definition():
    weights = torch.randn(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64).numpy()
    squares = weights**2
    expected = [square / squares[squares >= square].sum() for square in squares]
    assert lamp_scores(weights) == pytest.approx(expected)


def test_equal_magnitudes_rank_one_after_the_other():
    assert lamp_scores(np.array([1.0, -1.0, 1.0])).tolist() == [1.0, 1 / 2, 1 / 3]
    assert lamp_scores(np.zeros(2)).tolist() == [0.0, 0.0]


@given(
    st.lists(st.lists(st.integers(-3, 3), max_size=8), min_size=1, max_size=4),
    st.floats(0, 1),
    st.sampled_from([np.float16, np.float32, np.float64, torch.bfloat16]),
)
def test_each_tensor_keeps_its_share_of_the_largest_scores_of_all(tensors, portion, dtype):
    plain = {name: [float(value) for value in values] for name, values in zip("cbad", tensors, strict=False)}
    keep = round(portion * sum(map(len, plain.values())))
    ranking = []
    for name, values in plain.items():
        above = 0.0
        for square in sorted((value * value for value in values), reverse=True):
            above += square
            ranking.append((-square / above if above else 0.0, name))
    best = [name for _, name in sorted(ranking)[:keep]]
    make = (lambda values: torch.tensor(values, dtype=dtype)) if dtype is torch.bfloat16 else None
    weights = {name: make(values) if make else np.array(values, dtype=dtype) for name, values in plain.items()}
    assert lamp(weights, keep) == {name: best.count(name) for name in plain}
