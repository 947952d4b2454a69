"""Optimal Brain Surgeon: vectors by hand, the laws of its algebra, and other ways to compute the same."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.criteria.obs import obs
from pruneproof.errors import BadConfig, BadTensor
from pruneproof.training.probe import ModelProbe

SEEDS = st.integers(0, 2**31)


class Given:
    """A probe of given Hessians H = 2 G."""

    def __init__(self, **hessians):
        self.hessians = hessians

    def layer_gram(self):
        return {name: torch.as_tensor(each, dtype=torch.float64)[None] / 2 for name, each in self.hessians.items()}


def brain(theta, hessian, damping=0.0, alive=None):
    weight = torch.as_tensor(theta, dtype=torch.float64)
    weight = weight[None] if weight.ndim == 1 else weight
    mask = torch.ones_like(weight, dtype=torch.bool) if alive is None else alive
    return weight, obs({"w": weight}, {"w": mask}, Given(w=hessian), damping=damping)


def without(found, weight, *places):
    mask = torch.ones_like(weight, dtype=torch.bool)
    for place in places:
        mask[0, place] = False
    return found.update({"w": mask})["w"][0].tolist()


def problem(seed, outputs=3, inputs=6):
    draw = torch.Generator().manual_seed(seed)
    root = torch.randn(inputs, inputs, dtype=torch.float64, generator=draw)
    hessian = root @ root.T + 0.1 * torch.eye(inputs, dtype=torch.float64)
    return torch.randn(outputs, inputs, dtype=torch.float64, generator=draw), hessian, draw


def test_three_weights_by_hand():
    weight, found = brain([3.0, -1.0, 2.0], [[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]])
    assert found.scores["w"][0].tolist() == pytest.approx([6.0, 0.5, 8 / 3])
    assert without(found, weight, 1) == pytest.approx([2.5, 0.0, 1.5])
    assert without(found, weight, 0, 1) == pytest.approx([0.0, 0.0, 1.5])  # the joint one, not a sum of single ones


def test_it_prunes_a_weight_that_another_can_stand_for_where_magnitude_and_obd_prune_the_smallest():
    weight, found = brain([1.0, 1.2, 0.8], [[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert found.scores["w"][0].tolist() == pytest.approx([0.095, 0.1368, 0.32])
    assert without(found, weight, 0) == pytest.approx([0.0, 2.1, 0.8])


@given(SEEDS, st.floats(0.1, 10.0))
def test_alike_inputs_without_correlation_are_ranked_by_magnitude_and_move_nothing(seed, alpha):
    weight, _, draw = problem(seed)
    _, found = brain(weight, alpha * torch.eye(6))
    torch.testing.assert_close(found.scores["w"], alpha * weight**2 / 2)
    mask = torch.rand(weight.shape, generator=draw) < 0.5
    assert torch.equal(found.update({"w": mask})["w"], torch.where(mask, weight, 0.0))


@given(SEEDS)
def test_a_diagonal_hessian_gives_optimal_brain_damage_and_moves_nothing(seed):
    weight, hessian, draw = problem(seed)
    _, found = brain(weight, hessian.diagonal().diag())
    torch.testing.assert_close(found.scores["w"], hessian.diagonal() * weight**2 / 2)
    mask = torch.rand(weight.shape, generator=draw) < 0.5
    assert torch.equal(found.update({"w": mask})["w"], torch.where(mask, weight, 0.0))


@given(SEEDS)
def test_the_score_is_what_the_loss_rises_by_when_one_weight_goes(seed):
    weight, hessian, draw = problem(seed)
    _, found = brain(weight, hessian)
    row, column = int(torch.randint(3, (), generator=draw)), int(torch.randint(6, (), generator=draw))
    mask = torch.ones_like(weight, dtype=torch.bool)
    mask[row, column] = False
    delta = found.update({"w": mask})["w"] - weight
    assert not delta[[each for each in range(3) if each != row]].any()
    rise = delta[row] @ hessian @ delta[row] / 2
    torch.testing.assert_close(rise, found.scores["w"][row, column])
    pull = hessian @ delta[row]
    pull[column] = 0.0
    torch.testing.assert_close(pull, torch.zeros_like(pull))


@given(SEEDS, st.floats(0.1, 0.9))
def test_the_update_is_the_least_squares_fit_of_the_layer_s_outputs_under_the_mask(seed, density):
    weight, _, draw = problem(seed)
    x = torch.randn(40, 6, dtype=torch.float64, generator=draw)
    _, found = brain(weight, 2 * x.T @ x)
    mask = torch.rand(weight.shape, generator=draw) < density
    moved = found.update({"w": mask})["w"]
    for row, alive in enumerate(mask):
        fit = torch.linalg.lstsq(x[:, alive], x @ weight[row]).solution
        torch.testing.assert_close(moved[row, alive], fit)
        assert not moved[row, ~alive].any()


def greedy(theta, hessian, order):
    """Remove one weight after the other, the inverse brought up to date by the formula of Optimal Brain Surgeon."""
    theta, inverse = theta.clone(), torch.linalg.inv(hessian)
    for q in order:
        theta -= inverse[:, q] * theta[q] / inverse[q, q]
        inverse = inverse - inverse[:, q].outer(inverse[q]) / inverse[q, q]
        theta[q] = 0.0
        inverse[q], inverse[:, q], inverse[q, q] = 0.0, 0.0, 1.0
    return theta


@given(SEEDS)
def test_any_order_of_single_removals_ends_where_the_joint_update_ends(seed):
    weight, hessian, draw = problem(seed, outputs=1)
    _, found = brain(weight, hessian)
    order = torch.randperm(6, generator=draw)[:4].tolist()
    assert without(found, weight, *order) == pytest.approx(greedy(weight[0], hessian, order).tolist(), abs=1e-8)


@given(SEEDS)
def test_scores_under_a_mask_are_those_of_the_alive_weights_alone(seed):
    weight, hessian, draw = problem(seed)
    alive = torch.rand(weight.shape, generator=draw) < 0.6
    weight = torch.where(alive, weight, 0.0)
    _, found = brain(weight, hessian, alive=alive)
    for row, there in enumerate(alive):
        if there.any():
            _, alone = brain(weight[row, there], hessian[there][:, there])
            torch.testing.assert_close(found.scores["w"][row, there], alone.scores["w"][0])
        assert not found.scores["w"][row, ~there].any()


def test_damping_is_a_fraction_of_the_mean_diagonal():
    theta, hessian = [3.0, -1.0], torch.tensor([[2.0, 1.0], [1.0, 4.0]])
    _, damped = brain(theta, hessian, damping=0.5)
    _, plain = brain(theta, hessian + 1.5 * torch.eye(2))
    assert torch.equal(damped.scores["w"], plain.scores["w"])


def test_inputs_that_are_always_zero_leave_the_ranking_of_magnitude():
    _, found = brain([3.0, -1.0], torch.zeros(2, 2))
    assert found.scores["w"][0].tolist() == [4.5, 0.5]


def test_correlated_inputs_without_damping_are_refused_by_name():
    with pytest.raises(BadTensor, match='"w" has no inverse at damping 0'):
        brain([1.0, 1.0], torch.ones(2, 2))
    brain([1.0, 1.0], torch.ones(2, 2), damping=0.01)


def test_a_negative_damping_is_refused():
    with pytest.raises(BadConfig, match="damping"):
        brain([1.0], [[1.0]], damping=-0.1)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(5, 4), (5,)),
        (nn.Conv2d(4, 6, 3, padding=1), (4, 5, 5)),
        (nn.Conv2d(4, 6, 3, groups=2, stride=2), (4, 5, 5)),
    ],
    ids=["linear", "convolution", "grouped"],
)
def test_on_a_real_layer_the_loss_is_the_change_of_its_outputs_and_no_other_weights_lose_less(layer, shape):
    draw = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    layer = layer.double()
    with torch.no_grad():
        layer.weight.normal_()
    x = torch.randn(50, *shape, dtype=torch.float64, generator=draw)
    model = nn.Sequential(layer, nn.Flatten())
    batch = (x, torch.zeros(50, dtype=torch.int64))
    probe = ModelProbe(model, ["0.weight"], None, [batch])
    weight = layer.weight.detach().clone()
    found = obs({"0.weight": weight}, {"0.weight": torch.ones_like(weight, dtype=torch.bool)}, probe, damping=0.0)

    def loss(changed):
        with torch.no_grad():
            before = model(x)
            layer.weight.copy_(changed)
            lost = (model(x) - before).square().sum() / len(x)
            layer.weight.copy_(weight)
        return lost

    single = torch.ones_like(weight, dtype=torch.bool)
    single.view(-1)[7] = False
    torch.testing.assert_close(
        loss(found.update({"0.weight": single})["0.weight"]), found.scores["0.weight"].view(-1)[7]
    )
    mask = torch.rand(weight.shape, generator=draw) < 0.5
    best = found.update({"0.weight": mask})["0.weight"]
    assert loss(best) < loss(torch.where(mask, weight, 0.0))
    for _ in range(5):
        nudge = 1e-3 * torch.randn(weight.shape, dtype=torch.float64, generator=draw)
        assert loss(best) < loss(torch.where(mask, best + nudge, 0.0))


def test_the_weights_keep_their_dtype_and_what_the_mask_keeps_whole_keeps_its_bits():
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    gram = torch.tensor([[[2.0, 1.0, 0.0, 0.0], [1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 0.5, 1.0]]])

    class Layer:
        def layer_gram(self):
            return {"w": gram}

    found = obs({"w": weight}, {"w": torch.ones_like(weight, dtype=torch.bool)}, Layer())
    mask = torch.ones_like(weight, dtype=torch.bool)
    mask[1, 0] = False
    moved = found.update({"w": mask})["w"]
    assert moved.dtype == torch.bfloat16
    assert torch.equal(moved[[0, 2]], weight[[0, 2]])
    assert torch.equal(moved[1, 2:], weight[1, 2:])  # not correlated with what went
    assert moved[1, 1] != weight[1, 1]
