"""Sparse initialisations keep the signal's variance."""

import pytest
import torch

from pruneproof.api import BadConfig
from pruneproof_zoo.sparse_init import layer_scaled_init, unit_scaled_init


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def sparse(shape, density, seed=1):
    return {"w": torch.rand(shape, generator=rng(seed)) < density}


def test_at_5_percent_the_signal_stays_where_a_masked_dense_initialisation_loses_it():
    alive = sparse((400, 800), 0.05)
    x = torch.randn(200, 800, generator=rng(2), dtype=torch.float64)
    gain = {}
    dense = {"w": torch.ones(400, 800, dtype=torch.bool)}
    for name, mask in (("unit", alive), ("dense", dense)):
        weight = unit_scaled_init({"w": torch.zeros(400, 800).double()}, mask, rng()).state["w"] * alive["w"]
        gain[name] = float((x @ weight.T).square().mean() / (2 * x.square().mean()))
    assert gain["unit"] == pytest.approx(1.0, abs=0.05)
    assert gain["dense"] == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize(
    ("fan", "expected"), [("fan-in", [1 / 2, 1 / 1]), ("fan-out", [1 / 1, 1 / 2]), ("fan-avg", [1 / 1.5, 1 / 1.5])]
)
def test_fans_are_counted_on_the_mask_over_the_places_of_a_kernel(fan, expected, distribution):
    # output 0 reads inputs 0 and 1, output 1 reads input 1, at one place of the kernel each
    alive = torch.zeros(2, 2, 1, 3, dtype=torch.bool)
    alive[0, 0, 0, 0] = alive[0, 1, 0, 2] = alive[1, 1, 0, 1] = True
    weights = {"w": torch.zeros(2, 2, 1, 3, dtype=torch.float64)}
    many = [
        unit_scaled_init(weights, {"w": alive}, rng(seed), fan=fan, distribution=distribution, scale=1.0).state["w"]
        for seed in range(2000)
    ]
    variance = torch.stack(many).square().mean(0)
    found = [float(variance[0, 0, 0, 0]), float(variance[1, 1, 0, 1])]
    assert found == pytest.approx(expected, rel=0.12)
    assert not variance[~alive].any()


def test_with_equal_units_both_are_the_same_and_with_unequal_ones_the_layer_is_scaled_as_a_whole():
    equal = {"w": torch.tensor([[True, False, True, False], [False, True, False, True]])}
    weights = {"w": torch.zeros(2, 4)}
    torch.testing.assert_close(
        unit_scaled_init(weights, equal, rng()).state["w"], layer_scaled_init(weights, equal, rng()).state["w"]
    )
    unequal = {"w": torch.tensor([[True, True, True, True], [True, False, False, False]])}
    unit, layer = (function(weights, unequal, rng()).state["w"] for function in (unit_scaled_init, layer_scaled_init))
    ratio = (layer / unit).square()
    assert ratio[0, 0] == pytest.approx(4 / (4 * 5 / 8))
    assert ratio[1, 0] == pytest.approx(1 / (4 * 5 / 8))


@pytest.mark.parametrize("function", [unit_scaled_init, layer_scaled_init])
def test_empty_units_and_tensors_stay_empty_and_vectors_stay_as_they_are(function):
    alive = {"w": torch.tensor([[False, False], [True, True]]), "b": torch.ones(3, dtype=torch.bool)}
    state = function({"w": torch.ones(2, 2), "b": torch.ones(3)}, alive, rng()).state
    assert set(state) == {"w"}
    assert not state["w"][0].any()
    assert state["w"][1].all()
    assert not function({"w": torch.ones(2, 2)}, {"w": torch.zeros(2, 2, dtype=torch.bool)}, rng()).state["w"].any()


@pytest.mark.parametrize("options", [{"fan": "fan"}, {"distribution": "cauchy"}, {"scale": 0.0}])
@pytest.mark.parametrize("function", [unit_scaled_init, layer_scaled_init])
def test_options_out_of_range_are_refused(function, options):
    with pytest.raises(BadConfig, match="a number above 0 were expected"):
        function({"w": torch.ones(1, 1)}, {"w": torch.ones(1, 1, dtype=torch.bool)}, rng(), **options)
