"""SBP's rescaling brings what is left of a layer back to the edge of chaos."""

import pytest
import torch

from pruneproof.api import BadConfig
from pruneproof_zoo.rescaling import sbp_rescaling


def layer(outputs, inputs, density, seed):
    draw = torch.Generator().manual_seed(seed)
    weight = torch.randn(outputs, inputs, generator=draw, dtype=torch.float64) * (2 / inputs) ** 0.5
    return weight, torch.rand(outputs, inputs, generator=draw) < density


def test_a_tenth_of_a_layer_is_multiplied_by_about_the_root_of_ten_and_adds_up_to_2():
    weight, mask = layer(50, 80, 0.1, 0)
    new = sbp_rescaling({"w": weight}, {"w": mask}).state["w"]
    assert float(new.square().sum(1).mean()) == pytest.approx(2.0)
    factor = (new[mask] / weight[mask]).unique()
    assert float(factor.max() - factor.min()) < 1e-12
    assert float(factor[0]) == pytest.approx(10**0.5, rel=0.1)
    assert not new[~mask].any()


def test_the_signal_of_a_deep_sparse_network_neither_vanishes_nor_explodes():
    x = torch.randn(64, 200, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    plain, rescaled, first = x, x, float(x.square().mean())
    for depth in range(30):
        weight, mask = layer(200, 200, 0.05, depth)
        plain = (plain @ (weight * mask).T).relu()
        rescaled = (rescaled @ sbp_rescaling({"w": weight}, {"w": mask}).state["w"].T).relu()
    assert 1 / 3 < float(rescaled.square().mean()) / first < 3
    assert float(plain.square().mean()) / first < 1e-30


def test_kernels_count_by_their_places_and_what_is_empty_or_flat_stays():
    weights = {"conv": torch.ones(2, 1, 2, 2), "empty": torch.ones(2, 2), "bias": torch.ones(3)}
    alive = {name: torch.full(each.shape, name != "empty") for name, each in weights.items()}
    state = sbp_rescaling(weights, alive, variance=1.0).state
    assert set(state) == {"conv"}
    assert state["conv"].flatten().tolist() == [0.5] * 8


def test_a_variance_of_zero_is_refused():
    with pytest.raises(BadConfig, match=r"variance 0\.0"):
        sbp_rescaling({"w": torch.ones(1, 1)}, {"w": torch.ones(1, 1, dtype=torch.bool)}, variance=0.0)
