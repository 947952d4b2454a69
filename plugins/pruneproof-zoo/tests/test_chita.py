"""CHITA's block solver: its regression, and what it is in the limits."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import BadConfig
from pruneproof_zoo.chita import chita_block
from pruneproof_zoo.obc import obc


class Given:
    def __init__(self, slopes):
        self.slopes = slopes

    def sample_gradients(self, **_):
        return {"w": self.slopes}


def drawn(seed, count=4, size=6):
    draw = torch.Generator().manual_seed(seed)
    slopes = torch.randn(count, size, dtype=torch.float64, generator=draw)
    theta = torch.randn(size, dtype=torch.float64, generator=draw)
    return slopes, theta, torch.rand(size, generator=draw) < 0.5


def objective(beta, slopes, theta, damp):
    return (slopes @ (theta - beta)).square().sum() / 2 + len(slopes) * damp / 2 * (beta - theta).square().sum()


@given(st.integers(0, 10**6), st.sampled_from([1e-4, 0.1, 10.0]))
def test_no_other_survivors_have_a_smaller_objective(seed, damp):
    slopes, theta, mask = drawn(seed)
    found = chita_block({"w": theta}, Given(slopes), damp=damp, mini_batch=1)
    beta = found.update({"w": mask})["w"].requires_grad_()
    assert not beta[~mask].any()
    [slope] = torch.autograd.grad(objective(beta, slopes, theta, damp), beta)
    assert not (slope[mask].abs() > 1e-9).any()


@given(st.integers(0, 10**6))
def test_for_a_given_support_it_is_optimal_brain_surgeon_with_the_damped_fisher_matrix(seed):
    slopes, theta, mask = drawn(seed)
    fisher = 0.1 * torch.eye(6, dtype=torch.float64) + slopes.T @ slopes / 4

    class Layer:
        def layer_gram(self):
            return {"w": fisher[None] / 2}

    alive = {"w": torch.ones(1, 6, dtype=torch.bool)}
    joint = obc({"w": theta[None]}, alive, Layer(), damping=0.0).update({"w": mask[None]})["w"][0]
    found = chita_block({"w": theta}, Given(slopes), damp=0.1, mini_batch=1).update({"w": mask})["w"]
    torch.testing.assert_close(found, joint)


def test_where_nothing_goes_nothing_moves():
    slopes, theta, mask = drawn(0)
    found = chita_block({"w": theta}, Given(slopes))
    assert torch.equal(found.update({"w": torch.ones_like(mask)})["w"], theta)
    assert not found.update({"w": torch.zeros_like(mask)})["w"].any()


def test_scores_are_magnitudes_and_a_large_damping_leaves_the_survivors():
    slopes, theta, mask = drawn(1)
    found = chita_block({"w": theta}, Given(slopes), damp=1e9)
    assert torch.equal(found.scores["w"], theta.abs())
    torch.testing.assert_close(found.update({"w": mask})["w"], torch.where(mask, theta, 0.0))


def test_blocks_do_not_see_each_other():
    slopes, theta, mask = drawn(2)
    whole = chita_block({"w": theta}, Given(slopes), block=3, mini_batch=1).update({"w": mask})["w"]
    for part in (slice(0, 3), slice(3, 6)):
        alone = chita_block({"w": theta[part]}, Given(slopes[:, part]), mini_batch=1)
        torch.testing.assert_close(whole[part], alone.update({"w": mask[part]})["w"])


def test_options_out_of_range_are_refused():
    with pytest.raises(BadConfig, match=r"chita-block got the damping 0\.0"):
        chita_block({"w": torch.ones(2)}, Given(torch.ones(2, 2)), damp=0.0)
