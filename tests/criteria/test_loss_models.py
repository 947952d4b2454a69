"""The three loss models: their one expression, their identities, and what the number of steps can and cannot do."""

import copy
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pruneproof.contracts.model import conv_and_linear
from pruneproof.criteria.loss_models import LINEAR_MODEL, OBD, QUADRATIC_MODEL, linear_model, obd, quadratic_model
from pruneproof.criteria.magnitude import MAGNITUDE
from pruneproof.errors import BadConfig
from pruneproof.schedules.exponential import exponential
from pruneproof.selection.select import select_masks
from pruneproof.training.scoring import score
from pruneproof.units import keep_count

MODELS = (LINEAR_MODEL, QUADRATIC_MODEL, OBD)
numbers = st.lists(st.floats(-8, 8).map(lambda x: round(x, 3)), min_size=6, max_size=6)
law = settings(deadline=None, max_examples=60)


class Given:
    """A probe that answers what it was given."""

    def __init__(self, g, h):
        self.g, self.h = tensor(g), tensor(h)

    def gradients(self, *, train_mode):
        assert not train_mode
        return self.g

    def curvature(self, kind, *, draws):
        return self.h


def tensor(values):
    return {"w": torch.tensor(values, dtype=torch.float64)}


@law
@given(numbers, numbers, numbers, st.sampled_from([0.0, 1e-5, 0.1, 100.0]))
def test_the_absolute_value_is_on_the_sum_and_the_penalty_outside(theta, g, h, penalty):
    h = [abs(each) for each in h]
    found = quadratic_model(tensor(theta), Given(g, h), penalty=penalty)["w"].tolist()
    for t, slope, bend, each in zip(theta, g, h, found, strict=True):
        assert each == pytest.approx(abs(-slope * t + 0.5 * bend * t**2) + 0.5 * penalty * t**2, abs=1e-9)


@law
@given(numbers, numbers, numbers, st.sampled_from([0.0, 0.1, 100.0]))
def test_without_gradient_it_is_obd_and_without_curvature_the_linear_model(theta, g, h, penalty):
    h, null, weights = [abs(each) for each in h], [0.0] * 6, tensor(theta)
    assert torch.equal(
        quadratic_model(weights, Given(null, h), penalty=penalty)["w"], obd(weights, Given(g, h), penalty=penalty)["w"]
    )
    assert torch.equal(
        quadratic_model(weights, Given(g, null), penalty=penalty)["w"],
        linear_model(weights, Given(g, h), penalty=penalty)["w"],
    )


@law
@given(numbers, numbers, st.sampled_from([0.0, 0.1]))
def test_unit_curvature_and_a_stationary_point_under_weight_decay_rank_as_magnitude(theta, g, penalty):
    weights, expected = tensor(theta), torch.tensor(theta).abs()
    flat = obd(weights, Given(g, [1.0] * 6), penalty=penalty)["w"]
    at_rest = linear_model(weights, Given([-0.0005 * each for each in theta], g), penalty=penalty)["w"]
    for scores in (flat, at_rest):
        for one in range(6):
            for other in range(6):
                if expected[one] > expected[other] + 1e-6:
                    assert scores[one] > scores[other]


@pytest.mark.parametrize("penalty", [-0.1, float("nan")])
def test_a_penalty_below_zero_is_refused(penalty):
    with pytest.raises(BadConfig, match=r"penalty .*: a number of at least 0"):
        linear_model(tensor([1.0]), Given([1.0], [1.0]), penalty=penalty)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 20), nn.Tanh(), nn.Linear(20, 3)
    )


def samples(step: int = 0, count: int = 32):
    draw = torch.Generator().manual_seed(step)
    return torch.randn(count, 1, 6, 6, generator=draw), torch.randint(3, (count,), generator=draw)


def test_terms_are_the_taylor_terms_of_the_true_loss():
    """One weight at a time, gradient and exact curvature predict the loss of a softmax regression to third order."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3)).double()  # linear in its weights: GGN = Hessian
    x, y = samples()
    x = x.double()
    with torch.no_grad():
        model[1].weight.mul_(0.1)
    change = {}
    for index in ((0, 3), (1, 20), (2, 35)):
        pruned = copy.deepcopy(model)
        with torch.no_grad():
            pruned[1].weight[index] = 0.0
        change[index] = (F.cross_entropy(pruned(x), y) - F.cross_entropy(model(x), y)).item()
    for criterion, tolerance in ((LINEAR_MODEL, 0.2), (QUADRATIC_MODEL, 1e-3)):
        scores = score(criterion, {}, model, ["1.weight"], None, [(x, y)], torch.Generator())["1.weight"]
        for index, expected in change.items():
            assert float(scores[index]) == pytest.approx(abs(expected), rel=tolerance)


def test_estimates_of_the_curvature_come_near_and_the_empirical_fisher_is_another_matrix():
    model, names = network().eval(), conv_and_linear(network())
    exact, few, many, fisher = (
        torch.cat(
            [
                each.flatten()
                for each in score(OBD, options, model, names, None, [samples()], torch.Generator()).values()
            ]
        )
        for options in (
            {},
            {"curvature": "ggn-mc", "draws": 1},
            {"curvature": "ggn-mc", "draws": 300},
            {"curvature": "fisher"},
        )
    )
    assert (many - exact).norm() < 0.2 * (few - exact).norm()
    assert (fisher - exact).norm() > 5 * (many - exact).norm()


def pruned(criterion, steps, *, anew=True, **options):
    """Prune the network in steps of the exponential schedule, as runs do, and return the masks of all steps."""
    model = network()
    names, found = conv_and_linear(model), [None]
    for step, sparsity in enumerate(exponential(0.9, steps)):
        if anew or step == 0:
            scores = score(criterion, options, model, names, found[-1], [samples(step)], torch.Generator())
        found.append(select_masks(scores, sparsity=sparsity, alive=found[-1]))
    return found[1:]


@pytest.mark.parametrize("steps", [2, 14])
def test_magnitude_does_not_depend_on_the_number_of_steps(steps):
    assert pruned(MAGNITUDE, steps)[-1] == pruned(MAGNITUDE, 1)[-1]


@pytest.mark.parametrize("criterion", MODELS, ids=lambda each: each.id)
def test_stale_scores_make_the_number_of_steps_irrelevant_and_fresh_ones_do_not(criterion):
    once = pruned(criterion, 1)[-1]
    assert pruned(criterion, 14, anew=False)[-1] == once
    assert pruned(criterion, 14)[-1] != once


@pytest.mark.parametrize("criterion", MODELS, ids=lambda each: each.id)
@pytest.mark.parametrize("steps", [1, 14])
def test_a_large_penalty_is_magnitude_for_any_number_of_steps(criterion, steps):
    assert pruned(criterion, steps, penalty=1e9)[-1] == pruned(MAGNITUDE, 1)[-1]


@pytest.mark.parametrize("criterion", MODELS, ids=lambda each: each.id)
def test_masks_are_nested_with_exact_counts_at_every_step(criterion):
    masks = pruned(criterion, 14)
    size = masks[0].size()
    for mask, sparsity in zip(masks, exponential(0.9, 14), strict=True):
        assert mask.count() == keep_count(size, sparsity)
    for before, after in pairwise(masks):
        assert after.is_subset_of(before)
