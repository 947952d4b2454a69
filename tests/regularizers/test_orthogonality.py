import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import BadConfig
from pruneproof.regularizers.orthogonality import kernel_orthogonality
from pruneproof.transforms.orthp import orthp

SIDES = st.integers(1, 8)


def dense(weights):
    return {name: torch.ones_like(each, dtype=torch.bool) for name, each in weights.items()}


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(SIDES, SIDES, st.integers(0, 99))
def test_it_is_zero_exactly_for_what_orthp_leaves_and_positive_before(rows, columns, seed):
    weights = {"w": drawn(rows, columns, seed=seed)}
    assert float(kernel_orthogonality(weights, dense(weights))) > 0
    found = orthp(weights, dense(weights)).state
    assert float(kernel_orthogonality(found, dense(found))) < 1e-20


@given(SIDES, SIDES, st.booleans(), st.integers(0, 99))
def test_it_is_the_mean_squared_distance_of_one_side_s_gram_matrix_from_the_identity(rows, columns, larger, seed):
    weight = drawn(rows, columns, seed=seed)
    row_gram = rows > columns if larger else rows <= columns
    gram = weight @ weight.T if row_gram or rows == columns else weight.T @ weight
    expected = torch.nn.functional.mse_loss(gram, torch.eye(len(gram), dtype=torch.float64))
    found = kernel_orthogonality({"w": weight}, {"w": torch.ones(rows, columns).bool()}, factor=1.0, larger=larger)
    if rows != columns:
        torch.testing.assert_close(found, expected)


def test_the_larger_side_as_in_the_released_code_has_a_floor_above_zero():
    weights = {"w": drawn(3, 9)}
    found = orthp(weights, dense(weights)).state
    floor = float(kernel_orthogonality(found, dense(found), factor=1.0, larger=True))
    assert floor == pytest.approx((9 - 3) / 81)


def test_descent_makes_filters_orthonormal_and_dead_ones_do_not_matter():
    alive = {"w": (torch.arange(4) < 3)[:, None].expand(4, 6).clone()}
    weight = torch.where(alive["w"], drawn(4, 6), 0.0).requires_grad_()
    for _ in range(300):
        [slope] = torch.autograd.grad(kernel_orthogonality({"w": weight}, alive, factor=1.0), weight)
        assert not slope[3].any()
        with torch.no_grad():
            weight -= 0.5 * slope
    torch.testing.assert_close((weight @ weight.T)[:3, :3].detach(), torch.eye(3).double(), atol=1e-3, rtol=0)


def test_a_vector_is_to_have_length_1_and_a_negative_factor_is_refused():
    assert float(kernel_orthogonality({"b": torch.ones(3)}, {"b": torch.ones(3).bool()}, factor=1.0)) == 4.0
    assert float(kernel_orthogonality({}, {})) == 0.0
    with pytest.raises(BadConfig, match="kernel-orthogonality"):
        kernel_orthogonality({}, {}, factor=-1.0)
