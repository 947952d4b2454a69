import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.errors import BadConfig
from pruneproof.transforms.orthp import orthp

SIDES = st.integers(1, 12)


def dense(weights):
    return {name: torch.ones_like(each, dtype=torch.bool) for name, each in weights.items()}


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(SIDES, SIDES, st.floats(0.1, 3.0), st.integers(0, 99))
def test_the_shorter_side_is_orthogonal_and_has_the_gain_as_its_length(rows, columns, gain, seed):
    weights = {"w": drawn(rows, columns, seed=seed)}
    found = orthp(weights, dense(weights), gain=gain).state["w"]
    values = torch.linalg.svdvals(found.double())
    torch.testing.assert_close(values, torch.full_like(values, gain), rtol=1e-5, atol=1e-6)


@given(SIDES, SIDES, st.integers(0, 99))
def test_it_is_what_torch_draws_from_the_same_matrix(rows, columns, seed):
    drawn_there = torch.empty(rows, columns)
    torch.manual_seed(seed)
    nn.init.orthogonal_(drawn_there)
    torch.manual_seed(seed)
    flat = torch.empty(rows, columns).normal_()
    found = orthp({"w": flat}, dense({"w": flat})).state["w"]
    torch.testing.assert_close(found, drawn_there, rtol=1e-4, atol=1e-5)


@given(SIDES, SIDES, st.integers(0, 99))
def test_twice_is_once_and_the_scale_of_a_layer_does_not_matter(rows, columns, seed):
    weights = {"w": drawn(rows, columns, seed=seed).double()}
    once = orthp(weights, dense(weights)).state
    torch.testing.assert_close(orthp(once, dense(once)).state["w"], once["w"])
    scaled = {"w": 7 * weights["w"]}
    torch.testing.assert_close(orthp(scaled, dense(scaled)).state["w"], once["w"])


def test_a_convolution_is_the_matrix_of_its_filters():
    weights = {"w": drawn(4, 3, 2, 2)}
    found = orthp(weights, dense(weights)).state["w"]
    flat = orthp({"w": weights["w"].flatten(1)}, dense({"w": weights["w"].flatten(1)})).state["w"]
    assert torch.equal(found.flatten(1), flat)
    torch.testing.assert_close(found.flatten(1) @ found.flatten(1).T, torch.eye(4))


def test_the_first_row_keeps_its_direction():
    weights = {"w": drawn(3, 8)}
    found = orthp(weights, dense(weights)).state["w"]
    torch.testing.assert_close(found[0], weights["w"][0] / weights["w"][0].norm())


@given(st.integers(0, 99))
def test_under_a_mask_of_filters_and_inputs_the_small_network_s_matrix_is_orthogonal(seed):
    rows, columns = torch.tensor([True, False, True, True, False]), torch.tensor([False, True, True, True, True, False])
    alive = {"w": rows[:, None] & columns}
    weight = torch.where(alive["w"], drawn(5, 6, seed=seed), 0.0)
    found = orthp({"w": weight}, alive).state["w"]
    assert not found[~alive["w"]].any()
    small = {"w": weight[rows][:, columns]}
    torch.testing.assert_close(found[rows][:, columns], orthp(small, dense(small)).state["w"])


def test_dependent_rows_get_directions_of_their_own_and_biases_stay():
    weights = {"w": torch.ones(3, 3), "b": torch.ones(3)}
    state = orthp(weights, dense(weights)).state
    assert list(state) == ["w"]
    torch.testing.assert_close(state["w"] @ state["w"].T, torch.eye(3), rtol=1e-5, atol=1e-6)


def test_dtypes_stay_and_what_is_dead_throughout_stays():
    weights = {"half": drawn(2, 3).bfloat16(), "dead": torch.zeros(2, 2), "empty": torch.zeros(0, 3)}
    alive = {
        "half": torch.ones(2, 3, dtype=torch.bool),
        **{name: torch.zeros_like(weights[name]).bool() for name in ("dead", "empty")},
    }
    state = orthp(weights, alive).state
    assert {name: each.dtype for name, each in state.items()} == {"half": torch.bfloat16}


def test_a_gain_of_nothing_and_weights_that_are_no_numbers_are_refused():
    with pytest.raises(BadConfig, match="gain"):
        orthp({}, {}, gain=0.0)
    weights = {"w": torch.tensor([[float("nan"), 1.0]])}
    with pytest.raises(BadConfig, match='weights of "w" that are no numbers'):
        orthp(weights, dense(weights))
