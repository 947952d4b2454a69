"""OBC against the loop of the paper, the vectors by hand, and least squares."""

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import BadConfig, BadTensor, select
from pruneproof_zoo.obc import obc, removals

CHAIN = [[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]]
PAIR = [[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]]


class Given:
    """A probe of given Hessians, (inputs, inputs) each."""

    def __init__(self, **hessians):
        self.hessians = hessians

    def layer_gram(self):
        return {name: torch.as_tensor(each, dtype=torch.float64)[None] / 2 for name, each in self.hessians.items()}


def scored(weight, hessian, *, alive=None, damping=0.0):
    weight = torch.as_tensor(weight, dtype=torch.float64)
    alive = torch.ones_like(weight, dtype=torch.bool) if alive is None else alive
    return obc({"w": weight}, {"w": alive}, Given(w=hessian), damping=damping)


def problem(seed, rows=3, inputs=5, samples=8):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, inputs, dtype=torch.float64, generator=draw)
    return torch.randn(rows, inputs, dtype=torch.float64, generator=draw), 2 * x.T @ x / samples


def greedy(theta, hessian):
    """The loop of the paper, one row and one weight at a time: order, costs and the weights after each removal."""
    theta, inverse = theta.clone(), torch.linalg.inv(hessian)
    alive, order, costs, after = list(range(len(theta))), [], [], []
    while alive:
        prices = {q: float(theta[q] ** 2 / inverse[q, q]) / 2 for q in alive}
        q = min(prices, key=prices.get)
        theta = theta - inverse[:, q] * theta[q] / inverse[q, q]
        inverse = inverse - torch.outer(inverse[:, q], inverse[q]) / inverse[q, q]
        alive.remove(q)
        theta[q] = 0.0
        order.append(q)
        costs.append(prices[q])
        after.append(theta.clone())
    return order, costs, after


def test_three_weights_by_hand():
    found = scored([[3.0, -1.0, 2.0]], CHAIN)
    without = {gone: [each not in gone for each in range(3)] for gone in ((1,), (0, 1))}
    assert found.update({"w": torch.tensor([without[1,]])})["w"].tolist() == [[2.5, 0.0, 1.5]]
    joint = found.update({"w": torch.tensor([without[0, 1]])})["w"]
    assert joint[0].tolist() == pytest.approx([0.0, 0.0, 1.5])
    delta = joint - torch.tensor([[3.0, -1.0, 2.0]])
    assert float(delta @ torch.tensor(CHAIN).double() @ delta.T) / 2 == pytest.approx(6.75)


def test_correlation_changes_the_order_that_magnitude_and_obd_would_take():
    found = scored([[1.0, 1.2, 0.8]], PAIR)
    assert found.scores["w"].argmin() == 0
    assert found.scores["w"].min() == pytest.approx(0.095)
    assert found.update({"w": torch.tensor([[False, True, True]])})["w"][0].tolist() == pytest.approx([0.0, 2.1, 0.8])


@given(st.integers(0, 10**6))
def test_order_and_costs_are_those_of_the_papers_loop(seed):
    theta, hessian = problem(seed)
    steps, costs = removals(theta, torch.ones_like(theta, dtype=torch.bool), hessian)
    for row, own in enumerate(theta):
        order, expected, _ = greedy(own, hessian)
        assert steps[row].argsort().tolist() == order
        assert costs[row].tolist() == pytest.approx(expected, rel=1e-6, abs=1e-12)


@given(st.integers(0, 10**6), st.sampled_from([0.2, 0.5, 0.8]))
def test_a_selection_within_the_layer_removes_what_the_authors_remove_and_ends_at_their_weights(seed, sparsity):
    theta, hessian = problem(seed)
    found = scored(theta, hessian)
    mask = select(found.scores, score="given", scope="tensor", sparsity=sparsity).to_tensors()["w"]
    runs = [greedy(own, hessian) for own in theta]
    cheapest = sorted(cost for _, costs, _ in runs for cost in costs)[: int((~mask).sum())]
    moved = found.update({"w": mask})["w"]
    for row, (order, costs, after) in enumerate(runs):
        count = sum(cost <= cheapest[-1] for cost in costs) if cheapest else 0
        assert set((~mask[row]).nonzero().flatten().tolist()) == set(order[:count])
        expected = after[count - 1] if count else theta[row]
        torch.testing.assert_close(moved[row], expected, rtol=1e-6, atol=1e-9)


@given(st.integers(0, 10**6))
def test_the_survivors_are_where_the_loss_has_no_slope_and_each_removal_costs_its_score(seed):
    theta, hessian = problem(seed, rows=1)
    found = scored(theta, hessian)
    steps, costs = removals(theta, torch.ones_like(theta, dtype=torch.bool), hessian)
    for count in range(1, 5):
        alive = steps >= count
        delta = found.update({"w": alive})["w"] - theta
        assert (delta @ hessian)[alive].abs().max() < 1e-9 * (1 + costs[0, count - 1])
        assert float(delta @ hessian @ delta.T) / 2 == pytest.approx(float(costs[0, :count].sum()), rel=1e-6)


def test_without_correlation_it_is_the_ranking_of_magnitude_and_nothing_moves():
    theta, _ = problem(0)
    found = scored(theta, 3.0 * torch.eye(5))
    torch.testing.assert_close(found.scores["w"], 1.5 * theta.square())
    mask = theta.abs() > 0.5
    torch.testing.assert_close(found.update({"w": mask})["w"], torch.where(mask, theta, 0.0))


def test_a_diagonal_hessian_gives_optimal_brain_damage():
    theta, _ = problem(1)
    diagonal = torch.tensor([0.5, 1.0, 2.0, 4.0, 8.0], dtype=torch.float64)
    torch.testing.assert_close(scored(theta, torch.diag(diagonal)).scores["w"], diagonal * theta.square() / 2)


def test_dead_weights_take_no_part():
    theta, hessian = problem(2)
    alive = torch.ones_like(theta, dtype=torch.bool)
    alive[:, 1], alive[0, 3] = False, False
    found = scored(torch.where(alive, theta, 0.0), hessian, alive=alive)
    assert not found.scores["w"][~alive].any()
    for row, own in enumerate(alive):
        places = own.nonzero().flatten()
        small = scored(theta[row : row + 1, places], hessian[places[:, None], places])
        torch.testing.assert_close(found.scores["w"][row, places], small.scores["w"][0])


def test_no_mask_of_two_loses_less_than_the_cheapest_pair_by_much_more_than_greed_does():
    theta, hessian = problem(3, rows=1)
    _, costs = removals(theta, torch.ones_like(theta, dtype=torch.bool), hessian)
    found = scored(theta, hessian)

    def loss(gone):
        mask = torch.ones_like(theta, dtype=torch.bool)
        mask[0, list(gone)] = False
        delta = found.update({"w": mask})["w"] - theta
        return float(delta @ hessian @ delta.T) / 2

    best = min(map(loss, combinations(range(5), 2)))
    assert best <= float(costs[0, :2].sum()) + 1e-12


def test_what_cannot_be_inverted_is_refused_by_name_and_so_is_a_negative_damping():
    with pytest.raises(BadTensor, match=r'"w" has no inverse at damping 0'):
        scored([[1.0, 1.0]], torch.ones(2, 2))
    with pytest.raises(BadConfig, match=r"damping of obc is -0\.1"):
        scored([[1.0, 1.0]], torch.eye(2), damping=-0.1)
