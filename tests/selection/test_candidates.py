"""The scores that rules look at are those that the engine ranks by."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof import _engine
from pruneproof.errors import BadConfig, BadTensor
from pruneproof.selection.candidates import Candidates, check_gradients
from pruneproof.values.masks import MaskSet

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
SCORES = ["magnitude", "magnitude-squared", "sensitivity", "sensitivity-squared", "given"]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("score", SCORES)
@given(seed=st.integers(0, 999), scale=st.sampled_from([1.0, 300.0, 1e-4]), dead=st.booleans())
def test_scores_are_the_engines_to_the_bit(score, dtype, seed, scale, dead):
    draw = torch.Generator().manual_seed(seed)
    weights = {name: (scale * torch.randn(3, 4, generator=draw)).to(dtype) for name in "ba"}
    gradients = {name: torch.randn(3, 4, generator=draw).to(dtype) for name in weights}
    alive = MaskSet.from_tensors({name: torch.rand(3, 4, generator=draw) < 0.5 for name in weights}) if dead else None
    found = Candidates(weights, score, gradients if score.startswith("sensitivity") else None, alive)
    units = dict.fromkeys(weights, ((3, 4), (1, 1)))
    by_engine = _engine.block_scores(found.tensors, units, reduction="mean", **found.measure())  # of one weight each
    for name, scores in found.scores().items():
        flags = np.ones(12, dtype=bool) if alive is None else alive.array(name).reshape(-1)
        assert scores.astype(np.float64).tolist() == by_engine[name][flags].tolist()


def test_normalised_magnitudes_are_shares_of_the_norm():
    found = Candidates(
        {"a": np.array([3.0, -4.0], np.float16), "zero": np.zeros(2, np.float16)}, "normalised-magnitude"
    )
    assert found.scores()["a"].tolist() == pytest.approx([0.6, 0.8])
    assert found.scores()["zero"].tolist() == [0.0, 0.0]
    with pytest.raises(BadTensor, match='L2 norm of "a" is infinite'):
        Candidates({"a": np.array([1e200, 1e200])}, "normalised-magnitude").scores()


def test_products_have_a_sign_before_their_absolute_value_is_taken():
    weights, gradients = {"w": np.array([1.0, -2.0])}, {"w": np.array([3.0, 4.0])}
    assert Candidates(weights, "sensitivity", gradients).scores(signed=True)["w"].tolist() == [3.0, -8.0]
    assert Candidates(weights, "sensitivity", gradients).scores()["w"].tolist() == [3.0, 8.0]
    assert Candidates(weights, "sensitivity-squared", gradients).scores(signed=True)["w"].tolist() == [9.0, 64.0]
    with pytest.raises(BadTensor, match='which the score "magnitude" of "w" drops'):
        Candidates(weights, "magnitude").scores(signed=True)


@pytest.mark.parametrize(
    "alive", [None, MaskSet.from_arrays({"w": np.array([[True, True, False], [True, True, True]])})]
)
def test_nan_is_refused_at_its_index_in_the_tensor_dead_or_alive(alive):
    scores = {"w": np.array([[0.0, 1.0, np.nan], [0.0, 1.0, 2.0]])}
    with pytest.raises(BadTensor, match='"w" hold NaN at flat index 2'):
        Candidates(scores, alive=alive).scores()


def test_sizes_count_all_elements_and_what_is_available_the_living():
    alive = MaskSet.from_arrays({"w": np.array([True, False]), "v": np.array([[True], [True]])})
    found = Candidates({"w": np.ones(2), "v": np.ones((2, 1))}, alive=alive)
    assert found.sizes == {"w": 2, "v": 2}
    assert found.available == {"w": 1, "v": 2}


@given(st.permutations(["a", "b", "ab", "é"]), st.booleans())
def test_turned_twice_is_as_it_was(names, dead):
    tensors = {name: np.arange(place * 2.0).reshape(2, place) for place, name in enumerate(names)}
    alive = MaskSet.from_arrays({name: each % 3 > 0 for name, each in tensors.items()}) if dead else None
    found = Candidates(tensors, alive=alive)
    turned, first = found.turned()
    back, second = turned.turned()
    assert [first[second[new]] for new in sorted(second)] == sorted(names)
    scores = found.scores()
    for new, each in back.scores().items():
        assert each.tolist() == scores[first[second[new]]].tolist()


def test_gradients_are_asked_for_where_they_are_needed():
    weights = {"w": np.ones(2)}
    assert check_gradients(None, weights, "magnitude") is None
    assert list(check_gradients({"w": np.ones(2), "other": np.ones(3)}, weights, "sensitivity")) == ["w"]
    for gradients, score in ((weights, "magnitude"), (None, "sensitivity")):
        with pytest.raises(BadConfig, match=f'"{score}" takes'):
            check_gradients(gradients, weights, score)
