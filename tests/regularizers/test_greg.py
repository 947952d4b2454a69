"""Growing regularisation: the factor's course, and whom it pulls."""

import pytest
import torch

from pruneproof.errors import BadConfig
from pruneproof.regularizers.greg import greg_1, greg_2, greg_2_pick


def gradient(step, **options):
    weight = torch.tensor([2.0, -3.0, 0.0, 5.0], requires_grad=True)
    marked = {"w": torch.tensor([True, True, True, False])}
    [found] = torch.autograd.grad(greg_1({"w": weight}, marked, step, **options), weight)
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
        [slope] = torch.autograd.grad(greg_1({"w": weight}, marked, step, delta=0.01, every=5), weight)
        with torch.no_grad():
            weight -= 0.3 * slope
    assert float(weight[0].detach()) < 1e-6
    assert float(weight[1].detach()) == 5.0


def test_nothing_marked_is_no_penalty():
    assert float(greg_1({"w": torch.ones(3)}, {}, 5)) == 0.0


@pytest.mark.parametrize("options", [{"delta": -1.0}, {"every": 0}, {"ceiling": -0.1}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadConfig, match="greg-1"):
        greg_1({}, {}, 0, **options)


def test_with_delta_at_the_ceiling_the_whole_factor_is_there_at_once():
    assert [float(gradient(step, delta=1.0)[0]) / 2 for step in (0, 10, 1000)] == [1.0, 1.0, 1.0]


WEIGHTS = {"w": torch.tensor([[2.0, 1.0], [0.5, -3.0]]), "x": torch.tensor([[4.0, 5.0]])}
ALIVE = {"w": torch.tensor([[True, True], [True, False]]), "x": torch.tensor([[True, True]])}
MARKED = {"w": torch.tensor([[True, True], [False, False]]), "x": torch.tensor([[False, False]])}


def slopes(penalty, *given, **options):
    weights = {name: each.clone().requires_grad_() for name, each in WEIGHTS.items()}
    found = torch.autograd.grad(penalty(weights, *given, **options), [*weights.values()], materialize_grads=True)
    return dict(zip(weights, found, strict=True))


def test_while_it_picks_greg_2_pulls_at_all_alive_weights_alike():
    found = slopes(greg_2_pick, ALIVE, 25, delta=0.1, every=10, ceiling=0.25)
    for name, each in found.items():
        torch.testing.assert_close(each, 0.25 * WEIGHTS[name] * ALIVE[name])
    factors = [float(slopes(greg_2_pick, ALIVE, step)["x"][0, 0]) / 4 for step in (0, 9_980, 9_990, 50_000)]
    assert factors == pytest.approx([1e-5, 0.00999, 0.01, 0.01])


def test_once_picked_greg_2_goes_on_from_there_and_lets_the_kept_of_the_same_layers_grow():
    found = slopes(greg_2, ALIVE, MARKED, 0)
    torch.testing.assert_close(found["w"][0], (1e-2 + 1e-4) * WEIGHTS["w"][0])
    torch.testing.assert_close(found["w"][1], torch.tensor([-1e-4 * 0.5, 0.0]))
    assert not found["x"].any()
    assert float(slopes(greg_2, ALIVE, MARKED, 10**6)["w"][0, 0]) == 2.0
    assert not slopes(greg_2, ALIVE, MARKED, 0, recover=0.0)["w"][1].any()


def test_with_nothing_to_start_from_and_to_recover_greg_2_is_greg_1():
    for step in (0, 7, 12_345):
        one, two = slopes(greg_1, MARKED, step), slopes(greg_2, ALIVE, MARKED, step, picked=0.0, recover=0.0)
        assert all(torch.equal(one[name], two[name]) for name in one)


def test_shrinking_all_alike_tells_weights_of_little_curvature_from_those_of_much():
    """The reason for picking late: of two weights of one size, the one that the loss holds less falls further."""
    curvature = torch.tensor([10.0, 0.1])
    weight = torch.tensor([1.0, 1.0], requires_grad=True)
    for step in range(200):
        loss = (curvature * (weight - 1).square()).sum() / 2
        loss = loss + greg_2_pick({"w": weight}, {"w": torch.ones(2).bool()}, step, delta=1e-3, every=1, ceiling=0.2)
        [slope] = torch.autograd.grad(loss, weight)
        with torch.no_grad():
            weight -= 0.1 * slope
    assert weight[0] > 0.97
    assert weight[1] < 0.6


@pytest.mark.parametrize("options", [{"delta": -1.0}, {"every": 0}, {"ceiling": -0.1}])
def test_greg_2_refuses_options_out_of_range(options):
    with pytest.raises(BadConfig, match="greg-2-pick"):
        greg_2_pick({}, {}, 0, **options)
    with pytest.raises(BadConfig, match="greg-2 got"):
        greg_2({}, {}, {}, 0, **options)
    with pytest.raises(BadConfig, match="picked"):
        greg_2({}, {}, {}, 0, picked=-1.0)
