"""SparseGPT against the Optimal Brain Surgeon computed naively, and against what any such method must obey."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof import MaskSet, select
from pruneproof.api import BadConfig, BadTensor, UnknownName, keep_count
from pruneproof_wanda import sparsegpt, wanda


def problem(outputs=6, inputs=12, samples=40, seed=0):
    """Return a weight and correlated inputs of unequal size, as transformers have them."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, inputs, dtype=torch.float64, generator=generator)
    mixing = torch.randn(inputs, inputs, dtype=torch.float64, generator=generator)
    sizes = torch.logspace(0, 1, inputs, dtype=torch.float64)[torch.randperm(inputs, generator=generator)]
    return weight, torch.randn(samples, inputs, dtype=torch.float64, generator=generator) @ mixing * sizes


def naive(weight, x, choose, group, dampening=0.01):
    """Optimal Brain Surgeon from left to right, with a fresh inverse of the remaining Hessian for each column.

    `choose(saliencies, start)` returns the mask of a group of columns.
    """
    hessian = 2.0 * x.T @ x
    hessian += dampening * hessian.diagonal().mean() * torch.eye(len(hessian), dtype=x.dtype)
    work, mask = weight.clone(), torch.ones_like(weight, dtype=torch.bool)
    for j in range(weight.shape[1]):
        if j % group == 0:
            columns = range(j, min(j + group, weight.shape[1]))
            own = torch.stack([torch.linalg.inv(hessian[c:, c:])[0, 0] for c in columns])
            mask[:, j : j + group] = choose(work[:, j : j + group] ** 2 / own, j)
        inverse = torch.linalg.inv(hessian[j:, j:])
        for i in range(len(weight)):
            if not mask[i, j]:
                work[i, j:] -= work[i, j] / inverse[0, 0] * inverse[0]
                work[i, j] = 0.0
    return work, mask


def largest(scores, keep):
    mask = torch.zeros(scores.numel(), dtype=torch.bool)
    mask[scores.flatten().topk(keep).indices] = True
    return mask.reshape(scores.shape)


def by_sparsity(outputs, sparsity):
    def choose(scores, start):
        before, after = outputs * start, outputs * (start + scores.shape[1])
        return largest(scores, keep_count(after, sparsity) - keep_count(before, sparsity))

    return choose


def by_pattern(scores, start):
    return torch.stack([largest(row, 2) for row in scores])


def error(weight, pruned, x):
    return ((x @ (weight - pruned).T) ** 2).sum().item()


@pytest.mark.parametrize("columns", [1, 3, 5, 12, 128])
@pytest.mark.parametrize("seed", range(3))
def test_the_result_is_the_optimal_brain_surgeon_s_column_by_column(columns, seed):
    weight, x = problem(seed=seed)
    pruned, mask = sparsegpt(weight, x.T @ x, sparsity=0.55, columns=columns)
    expected, expected_mask = naive(weight, x, by_sparsity(6, 0.55), columns)
    assert torch.equal(mask, expected_mask)
    torch.testing.assert_close(pruned, expected)


@pytest.mark.parametrize("columns", [1, 4, 6, 128])
def test_two_of_four_is_the_optimal_brain_surgeon_s_whatever_the_width_of_the_updates(columns):
    weight, x = problem()
    pruned, mask = sparsegpt(weight, x.T @ x, structure="2:4", columns=columns)
    expected, expected_mask = naive(weight, x, by_pattern, 4)
    assert torch.equal(mask, expected_mask)
    torch.testing.assert_close(pruned, expected)
    assert MaskSet.from_tensors({"w": mask}).is_n_of_m("w", 2, 4)
    assert mask.sum() == weight.numel() // 2


@pytest.mark.parametrize("columns", [1, 4, 16])
def test_with_uncorrelated_inputs_of_one_size_it_is_magnitude_in_each_slice(columns):
    weight, _ = problem(inputs=16)
    pruned, mask = sparsegpt(weight, 3.0 * torch.eye(16), sparsity=0.5, columns=columns)
    for start in range(0, 16, columns):
        own = {"w": weight[:, start : start + columns].contiguous()}
        assert torch.equal(mask[:, start : start + columns], select(own, sparsity=0.5)["w"])
    assert torch.equal(pruned, torch.where(mask, weight, 0.0))


@given(
    st.integers(1, 7), st.integers(1, 17), st.integers(1, 20), st.sampled_from([0.0, 0.1, 0.29, 0.5, 0.7, 0.99]),
    st.sampled_from(["row", "tensor"]),
)  # fmt: skip
def test_counts_are_exact_for_any_shape_and_slice(outputs, inputs, columns, sparsity, scope):
    weight, x = problem(outputs, inputs)
    pruned, mask = sparsegpt(weight, x.T @ x, sparsity=sparsity, columns=columns, scope=scope)
    if scope == "row":
        assert mask.sum(1).tolist() == [keep_count(inputs, sparsity)] * outputs
    else:
        assert mask.sum() == keep_count(outputs * inputs, sparsity)
    assert not pruned[~mask].any()
    assert not pruned[~mask].signbit().any()


def test_it_reconstructs_better_than_wanda_and_magnitude():
    amounts = {"sparsity": 0.5, "scope": "row"}, {"structure": "2:4"}
    for amount in amounts:
        errors = {"sparsegpt": 0.0, "wanda": 0.0, "magnitude": 0.0}
        for seed in range(8):
            weight, x = problem(outputs=8, inputs=24, samples=96, seed=seed)
            scores = wanda({"w": weight}, {"w": x.norm(dim=0).expand_as(weight)})
            whole = error(weight, 0.0 * weight, x)
            masks = {
                "wanda": select(scores, score="given", **amount),
                "magnitude": select({"w": weight}, **amount),
            }
            for name, mask in masks.items():
                errors[name] += error(weight, weight * mask["w"], x) / whole
            errors["sparsegpt"] += error(weight, sparsegpt(weight, x.T @ x, **amount)[0], x) / whole
        assert errors["sparsegpt"] < errors["wanda"] < errors["magnitude"]


def test_no_update_beats_least_squares_on_the_same_mask():
    weight, x = problem()
    pruned, mask = sparsegpt(weight, x.T @ x, sparsity=0.5)
    best = torch.zeros_like(weight)
    for i, row in enumerate(mask):
        best[i, row] = torch.linalg.lstsq(x[:, row], x @ weight[i]).solution
    assert error(weight, best, x) < error(weight, pruned, x) < error(weight, weight * mask, x)


def test_the_number_of_samples_behind_a_gram_matrix_does_not_matter():
    weight, x = problem()
    once, four_times = (sparsegpt(weight, scale * x.T @ x, sparsity=0.5) for scale in (1.0, 4.0))
    assert torch.equal(once[0], four_times[0])


def test_weights_of_inputs_that_are_always_zero_go_or_stay_but_never_change():
    weight, x = problem()
    x[:, [2, 7]] = 0.0
    pruned, mask = sparsegpt(weight, x.T @ x, sparsity=0.5)
    dead = torch.tensor([2, 7])
    assert pruned.isfinite().all()
    assert torch.equal(pruned[:, dead], torch.where(mask, weight, 0.0)[:, dead])


def test_without_any_input_it_is_magnitude():
    weight, _ = problem()
    pruned, mask = sparsegpt(weight, torch.zeros(12, 12), sparsity=0.5)
    assert torch.equal(mask, select({"w": weight}, sparsity=0.5)["w"])
    assert torch.equal(pruned, torch.where(mask, weight, 0.0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_weight_stays_as_it_was_and_its_dtype_comes_back(dtype):
    weight, x = problem()
    weight = weight.to(dtype).T.contiguous().T  # also where it lies the other way round
    before = weight.clone()
    pruned, mask = sparsegpt(weight, x.T @ x, sparsity=0.5)
    expected, expected_mask = naive(weight.double(), x, by_sparsity(6, 0.5), 12)
    assert torch.equal(weight, before)
    assert torch.equal(mask, expected_mask)
    torch.testing.assert_close(pruned, expected.to(dtype))


def test_too_few_samples_need_dampening():
    weight, x = problem(samples=3)
    sparsegpt(weight, x.T @ x, sparsity=0.5)
    with pytest.raises(BadTensor, match="no inverse at dampening"):
        sparsegpt(weight, x.T @ x, sparsity=0.5, dampening=0.0)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({}, BadConfig, "say how much to prune"),
        ({"sparsity": 1.0}, BadConfig, "out of range"),
        ({"sparsity": 0.5, "structure": "2:4"}, BadConfig, "Leave `sparsity` and `scope` out"),
        ({"structure": "4:2"}, BadConfig, "not understood"),
        ({"structure": "3:5"}, BadTensor, "groups of 5"),
        ({"sparsity": 0.5, "scope": "block"}, BadConfig, "slices of a matrix"),
        ({"sparsity": 0.5, "scope": "raw"}, UnknownName, 'Nearest: "row"'),
        ({"sparsity": 0.5, "columns": 0}, BadConfig, "0 columns"),
        ({"sparsity": 0.5, "dampening": -0.1}, BadConfig, "dampening -0.1"),
        ({"sparsity": 0.5, "dampening": float("nan")}, BadConfig, "dampening nan"),
    ],
)
def test_bad_arguments_get_one_clear_message(options, kind, message):
    weight, x = problem()
    with pytest.raises(kind, match=message):
        sparsegpt(weight, x.T @ x, **options)


def test_bad_tensors_get_one_clear_message():
    weight, x = problem()
    with pytest.raises(BadTensor, match=r"\(6, 12\) and a Gram matrix of shape \(3, 3\)"):
        sparsegpt(weight, torch.eye(3), sparsity=0.5)
    with pytest.raises(BadTensor, match="NaN or infinity"):
        sparsegpt(weight, x.T @ x * float("nan"), sparsity=0.5)
    with pytest.raises(BadTensor, match="NaN"):
        sparsegpt(weight * float("nan"), x.T @ x, sparsity=0.5)
