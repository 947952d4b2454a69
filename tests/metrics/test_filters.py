"""Filters that are left, and measures of gradient flow against numbers by hand and direct removal."""

import pytest
import torch
from scipy import stats

from pruneproof.metrics import filters
from pruneproof.values.measurements import Measurement


def alive(**rows):
    """Return masks of filters of two weights each."""
    return {name: torch.tensor(row)[:, None].expand(-1, 2) for name, row in rows.items()}


def test_a_filter_counts_as_long_as_one_weight_is_alive_and_is_hollow_where_all_are_zero():
    masks = {"a": torch.tensor([[True, False], [False, False], [True, True]])}
    weights = {"a": torch.tensor([[0.5, 0.0], [0.0, 0.0], [0.0, 0.0]])}
    assert filters.filters(masks) == 2
    assert filters.hollow_filters(weights, masks) == 1


@pytest.mark.parametrize(("kept", "below"), [(4, 0), (3, 1), (64, 0)])
def test_a_layer_of_64_has_a_floor_of_four(kept, below):
    masks = alive(a=[place < kept for place in range(64)], b=[True])
    assert filters.layers_below_floor(masks) == below


def test_removals_are_early_in_the_first_third_of_the_layers():
    masks = alive(a=[True, False], b=[False, False], c=[True, False], d=[True, True])
    assert filters.early_removals(masks) == 3 / 4  # two of four layers are the first third, rounded up
    assert filters.early_removals(alive(a=[True, True])) is None


def test_gradient_and_velocity_are_those_of_a_backward_pass_and_compare_with_the_measurement_before(chain):
    _, probe, slopes = chain
    square = sum(float(each.square().sum()) for each in slopes.values())
    velocity = 2 * sum(float((probe.weights()[name] * each).sum()) for name, each in slopes.items())
    assert filters.squared_gradient(probe) == pytest.approx(square)
    assert filters.norm_velocity(probe.weights(), probe) == pytest.approx(velocity)
    before = Measurement({"squared-gradient": square / 4, "norm-velocity": velocity + 0.25})
    assert filters.squared_gradient_ratio(probe, before) == pytest.approx(4)
    assert filters.norm_velocity_change(probe.weights(), probe, before) == pytest.approx(0.25)
    none = Measurement({"squared-gradient": None, "norm-velocity": None})
    assert filters.squared_gradient_ratio(probe, none) is None
    assert filters.norm_velocity_change(probe.weights(), probe, none) is None


def test_signs_agree_for_the_share_of_filters_that_a_loop_finds(chain):
    _, probe, _ = chain
    weights, slopes = probe.weights(), probe.gradients(train_mode=False)
    product = probe.hessian_vector(slopes, train_mode=False)
    same = [
        bool(torch.sign((w * g).sum()) == torch.sign((w * h).sum()))
        for name in weights
        for w, g, h in zip(weights[name], slopes[name], product[name], strict=True)
    ]
    assert filters.sign_agreement(weights, probe.alive(), probe) == sum(same) / len(same)


def test_dead_filters_have_no_part_in_the_agreement(chain):
    _, probe, _ = chain
    weights, dead = probe.weights(), probe.alive()
    for each in dead.values():
        each[1:] = False
    found = filters.sign_agreement(weights, dead, probe)
    assert found in (0.0, 0.5, 1.0)


def test_the_correlation_is_that_of_removing_each_filter_and_differentiating_again(chain):
    _, probe, slopes = chain
    names, before = list(slopes), sum(float(each.square().sum()) for each in slopes.values())
    product = probe.hessian_vector(slopes, train_mode=False)
    expected, found = [], []
    for name in names:
        for row in range(len(slopes[name])):
            weights = probe.weights()
            expected.append(-2 * float((weights[name][row] * product[name][row]).sum()))
            weights[name][row] = 0
            after = probe.gradients(at=weights, train_mode=False)
            found.append(sum(float(each.square().sum()) for each in after.values()) - before)
    rho = stats.spearmanr(expected, found).statistic
    assert filters.removal_correlation(probe.weights(), probe.alive(), probe) == pytest.approx(rho)
    assert filters.removal_correlation(probe.weights(), probe.alive(), probe, most=2) is None


def test_a_correlation_needs_three_numbers_that_differ():
    assert filters.correlation(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])) is None
    assert filters.correlation(torch.ones(4), torch.arange(4.0)) is None
    assert filters.correlation(torch.arange(4.0), -torch.arange(4.0).exp()) == -1.0


def test_one_dimensional_and_empty_weights_are_filters_of_their_own():
    masks = {"a": torch.tensor([True, False]), "b": torch.zeros(0, 3, dtype=torch.bool), "c": torch.tensor(True)}
    assert filters.filters(masks) == 2
    assert filters.per_filter({"a": torch.ones(2), "b": torch.zeros(0, 3)}).tolist() == [1.0, 1.0]
