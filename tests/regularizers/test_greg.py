"""Growing L2: the factor's course, and whom it pulls."""

import pytest
import torch

from pruneproof.errors import BadConfig
from pruneproof.regularizers.growing_l2 import growing_l2


def gradient(step, **options):
    weight = torch.tensor([2.0, -3.0, 0.0, 5.0], requires_grad=True)
    marked = {"w": torch.tensor([True, True, True, False])}
    [found] = torch.autograd.grad(growing_l2({"w": weight}, marked, step, **options), weight)
    return found


def test_the_gradient_is_the_factor_times_the_marked_weights_and_nothing_on_the_others():
    torch.testing.assert_close(gradient(0, delta=0.1), torch.tensor([0.2, -0.3, 0.0, 0.0]))
    torch.testing.assert_close(gradient(25, delta=0.1, every=10), torch.tensor([0.6, -0.9, 0.0, 0.0]))


def test_the_factor_grows_by_delta_every_so_many_steps_up_to_the_ceiling():
    factors = [float(gradient(step, delta=0.25, every=3, ceiling=0.6)[0]) / 2 for step in range(10)]
    assert factors == pytest.approx([0.25] * 3 + [0.5] * 3 + [0.6] * 4)


def test_with_the_defaults_the_ceiling_is_reached_after_a_hundred_thousand_steps():
    assert float(gradient(99_989)[0]) / 2 == pytest.approx(0.9999)
    assert float(gradient(99_990)[0]) / 2 == 1.0


def test_gradient_descent_drives_marked_weights_to_zero_and_leaves_the_others():
    weight = torch.tensor([2.0, 5.0], requires_grad=True)
    marked = {"w": torch.tensor([True, False])}
    for step in range(300):
        [slope] = torch.autograd.grad(growing_l2({"w": weight}, marked, step, delta=0.01, every=5), weight)
        with torch.no_grad():
            weight -= 0.3 * slope
    assert float(weight[0].detach()) < 1e-6
    assert float(weight[1].detach()) == 5.0


def test_nothing_marked_is_no_penalty():
    assert float(growing_l2({"w": torch.ones(3)}, {}, 5)) == 0.0


@pytest.mark.parametrize("options", [{"delta": -1.0}, {"every": 0}, {"ceiling": -0.1}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadConfig, match="growing-l2"):
        growing_l2({}, {}, 0, **options)
