"""The sparsity-indexed ODE: its direction, its steps, and magnitude as its limit."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import BadConfig
from pruneproof_zoo.sparsity_ode import direction, polarised, sparsity_ode, step_length


def drawn(seed, size=6):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(size, dtype=torch.float64, generator=draw) + 0.1, torch.randn(
        size, dtype=torch.float64, generator=draw
    )


def printed(soft, energy, radius):
    """δ as the paper's code writes it."""
    sparser = -soft / (soft.norm() * len(soft) ** 0.5)
    square, along = sparser @ sparser, sparser @ energy
    x = ((radius**2 - 1) / (square * (energy @ energy) - along**2)).sqrt()
    return x * energy + (1 - x * along) / square * sparser


@given(st.integers(0, 10**6), st.sampled_from([1.01, 1.1, 2.0]))
def test_the_direction_loses_density_at_the_rate_1_within_the_ball(seed, radius):
    soft, energy = drawn(seed)
    found, sparser = direction(soft, energy, radius), -soft / (soft.norm() * len(soft) ** 0.5)
    assert float(found @ sparser) == pytest.approx(1.0, abs=1e-6)
    assert float(found.norm() * sparser.norm()) == pytest.approx(radius)
    torch.testing.assert_close(found, printed(soft, energy, radius), rtol=1e-6, atol=1e-9)


def test_no_other_direction_of_this_length_and_rate_lets_the_loss_fall_faster():
    soft, energy = drawn(3)
    found, sparser = direction(soft, energy, 1.1), -soft / (soft.norm() * len(soft) ** 0.5)
    base = sparser / (sparser @ sparser)
    draw = torch.Generator().manual_seed(0)
    for _ in range(200):
        aside = torch.randn(6, dtype=torch.float64, generator=draw)
        aside -= (aside @ sparser) / (sparser @ sparser) * sparser
        other = base + aside / aside.norm() * (found - base).norm()
        assert float(other @ energy) <= float(found @ energy) + 1e-9


@pytest.mark.parametrize(("steps", "density"), [(1, 0.5), (15, 0.1), (100, 0.02)])
def test_the_steps_lead_from_1_to_the_density(steps, density):
    assert sum(step_length(each, steps, density) for each in range(steps)) == pytest.approx(1 - density)


def test_a_hundred_steps_to_a_tenth_by_hand():
    assert [round(step_length(each, 100, 0.1), 5) for each in (0, 99)] == [0.02276, 0.00233]


class Loss:
    """L = ½ ‖X θ - y‖²."""

    def __init__(self, seed):
        draw = torch.Generator().manual_seed(seed)
        self.x = torch.randn(8, 6, dtype=torch.float64, generator=draw)
        self.seen = []

    def gradients(self, *, at, **_):
        self.seen.append(at["w"].clone())
        return {"w": self.x.T @ (self.x @ at["w"] - 1.0)}


@given(st.integers(0, 10**6))
def test_at_radius_1_the_mask_stays_uniform_and_the_ranking_is_magnitudes(seed):
    theta = drawn(seed)[1]
    alive = {"w": torch.ones(6, dtype=torch.bool)}
    found = sparsity_ode({"w": theta}, alive, Loss(seed), density=0.25, radius=1.0)["w"]
    torch.testing.assert_close(found, 0.25 * theta.abs())


def test_the_gradient_is_taken_at_hard_masks_that_get_sparser():
    theta, loss = drawn(1)[1], Loss(1)
    sparsity_ode({"w": theta}, {"w": torch.ones(6, dtype=torch.bool)}, loss, density=0.2, steps=20)
    zeros = [int((each == 0).sum()) for each in loss.seen]
    assert zeros[0] == 0
    assert zeros == sorted(zeros)
    assert zeros[-1] >= 4
    assert all(torch.equal(each[each != 0], theta[each != 0]) for each in loss.seen if (each == 0).sum() > 1)


def test_ties_at_the_threshold_all_go():
    assert polarised(torch.full((4,), 0.5), torch.tensor([1.0, 1.0, 1.0, 2.0])).tolist() == [0, 0, 0, 1]


def test_dead_weights_are_no_part_of_the_path():
    theta = drawn(2)[1]
    alive = torch.tensor([True, False, True, True, False, True])
    loss = Loss(2)
    whole = sparsity_ode({"w": torch.where(alive, theta, 0.0)}, {"w": alive}, loss)["w"]
    assert not whole[~alive].any()

    class Part:
        def gradients(self, *, at, **_):
            return {"w": loss.x[:, alive].T @ (loss.x[:, alive] @ at["w"] - 1.0)}

    part = sparsity_ode({"w": theta[alive]}, {"w": torch.ones(4, dtype=torch.bool)}, Part())["w"]
    torch.testing.assert_close(whole[alive], part)


@pytest.mark.parametrize("options", [{"density": 0.0}, {"density": 1.5}, {"steps": 0}, {"radius": 0.9}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadConfig, match="sparsity-ode got the density"):
        sparsity_ode({"w": torch.ones(1)}, {"w": torch.ones(1, dtype=torch.bool)}, None, **options)
