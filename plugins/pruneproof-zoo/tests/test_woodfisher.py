"""WoodFisher and WoodTaylor against the recursion of the paper and a vector by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import BadConfig
from pruneproof_zoo.chita import chita_block
from pruneproof_zoo.fisher import Inverse, batch_means
from pruneproof_zoo.woodfisher import woodfisher, woodtaylor


class Given:
    def __init__(self, **slopes):
        self.slopes = slopes

    def sample_gradients(self, **_):
        return self.slopes


def recursion(gradients, damp):
    """Sherman and Morrison's identity, one gradient after the other, as the authors write it."""
    count, size = gradients.shape
    inverse = torch.eye(size, dtype=torch.float64) / damp
    for slope in gradients:
        v = inverse @ slope
        inverse = inverse - torch.outer(v, v) / (count + slope @ v)
    return inverse


def drawn(seed, count, size):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, dtype=torch.float64, generator=draw), torch.randn(
        size, dtype=torch.float64, generator=draw
    )


def test_three_weights_by_hand():
    gradients = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]], dtype=torch.float64)
    found = Inverse.of(gradients, 0.5).diagonal
    assert found.tolist() == pytest.approx([11 / 7, 8 / 7, 4 / 7])
    direct = torch.linalg.inv(0.5 * torch.eye(3, dtype=torch.float64) + gradients.T @ gradients / 2)
    torch.testing.assert_close(found, direct.diagonal())


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.sampled_from([1e-5, 1e-3, 1.0]))
def test_the_inverse_is_that_of_the_papers_recursion(seed, count, size, damp):
    gradients, vector = drawn(seed, count, size)
    expected, found = recursion(gradients, damp), Inverse.of(gradients, damp)
    scale = float(expected.abs().max())
    torch.testing.assert_close(found.diagonal, expected.diagonal(), rtol=1e-6, atol=1e-9 * scale)
    torch.testing.assert_close(found.times(vector), expected @ vector, rtol=1e-6, atol=1e-9 * scale)


@given(st.integers(0, 10**6), st.integers(1, 7))
def test_the_update_is_the_sum_of_single_ones_within_blocks(seed, block):
    slopes, theta = drawn(seed, 4, 7)
    mask = torch.rand(7, generator=torch.Generator().manual_seed(seed)) < 0.5
    found = woodfisher({"w": theta}, Given(w=slopes), damp=0.1, block=block)
    expected, scores = theta.clone(), torch.empty(7, dtype=torch.float64)
    for start in range(0, 7, block):
        part = slice(start, min(start + block, 7))
        inverse = recursion(slopes[:, part], 0.1)
        scores[part] = theta[part].square() / inverse.diagonal()
        for q in (~mask[part]).nonzero().flatten().tolist():
            expected[part] -= inverse[:, q] * theta[part][q] / inverse[q, q]
    torch.testing.assert_close(found.scores["w"], scores)
    torch.testing.assert_close(found.update({"w": mask})["w"], torch.where(mask, expected, 0.0))


def test_two_removals_at_once_are_not_the_joint_ones():
    # H = ((2, 1, 0), (1, 2, 1), (0, 1, 2)): single updates add up to (-.5, 2, .5), the joint one is (0, 0, 1.5)
    hessian = torch.tensor([[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]], dtype=torch.float64)
    slopes = torch.linalg.cholesky(3 * (hessian - 0.1 * torch.eye(3))).T
    theta = torch.tensor([3.0, -1.0, 2.0], dtype=torch.float64)
    found = woodfisher({"w": theta}, Given(w=slopes), damp=0.1)
    assert [float(each) / 2 for each in found.scores["w"]] == pytest.approx([6.0, 0.5, 8 / 3])
    moved = found.update({"w": torch.tensor([False, False, True])})["w"]
    assert moved.tolist() == pytest.approx([0.0, 0.0, 0.5])
    joint = chita_block({"w": theta}, Given(w=slopes), damp=0.1, mini_batch=1)
    assert joint.update({"w": torch.tensor([False, False, True])})["w"].tolist() == pytest.approx([0.0, 0.0, 1.5])


def test_with_a_large_damping_it_ranks_as_magnitude_does_and_nothing_moves():
    slopes, theta = drawn(0, 4, 6)
    found = woodfisher({"w": theta}, Given(w=slopes), damp=1e9)
    torch.testing.assert_close(found.scores["w"] / 1e9, theta.square())
    mask = theta > 0
    torch.testing.assert_close(found.update({"w": mask})["w"], torch.where(mask, theta, 0.0))


@given(st.integers(0, 10**6))
def test_without_a_gradient_woodtaylor_is_half_of_woodfisher_above_its_least(seed):
    slopes, theta = drawn(seed, 3, 5)
    paired = torch.cat([slopes, -slopes])
    plain = woodfisher({"w": theta}, Given(w=paired), damp=0.1)
    found = woodtaylor({"w": theta}, Given(w=paired), damp=0.1)
    half = plain.scores["w"] / 2
    torch.testing.assert_close(found.scores["w"], half - half.min())
    mask = theta > 0
    torch.testing.assert_close(found.update({"w": mask})["w"], plain.update({"w": mask})["w"])


@given(st.integers(0, 10**6))
def test_woodtaylor_scores_what_its_quadratic_model_rises_by(seed):
    slopes, theta = drawn(seed, 4, 4)
    fisher = 0.1 * torch.eye(4, dtype=torch.float64) + slopes.T @ slopes / 4
    slope = slopes.mean(0)
    found = woodtaylor({"w": theta}, Given(w=slopes), damp=0.1)
    rises = []
    for q in range(4):
        mask = torch.arange(4) != q
        step = found.update({"w": mask})["w"] - theta
        assert (slope + fisher @ step)[mask].abs().max() < 1e-9  # the least of the model under the mask
        rises.append(float(slope @ step + step @ fisher @ step / 2))
    assert found.scores["w"].tolist() == pytest.approx([each - min(rises) for each in rises], abs=1e-9)


def test_mini_batches_are_means_over_consecutive_samples():
    slopes, theta = drawn(0, 5, 4)
    found = woodfisher({"w": theta}, Given(w=slopes), mini_batch=2)
    expected = woodfisher({"w": theta}, Given(w=batch_means(slopes, 2)))
    assert torch.equal(found.scores["w"], expected.scores["w"])


@pytest.mark.parametrize("options", [{"damp": 0.0}, {"block": 0}, {"mini_batch": 0}])
@pytest.mark.parametrize("criterion", [woodfisher, woodtaylor])
def test_options_out_of_range_are_refused(criterion, options):
    with pytest.raises(BadConfig, match=r"a number above 0 and two whole numbers from 1"):
        criterion({"w": torch.ones(2)}, Given(w=torch.ones(2, 2)), **options)
