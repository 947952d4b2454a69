"""GraNet: exact counts along the cubic course, and drop and grow within each tensor."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import keep_count
from pruneproof.errors import BadConfig
from pruneproof.updates.granet import granet
from pruneproof.updates.rigl import rigl


def network(seed, dead=0.5):
    draw = torch.Generator().manual_seed(seed)
    shapes = {"a": (6, 5), "b": (20,)}
    alive = {name: torch.rand(shape, generator=draw) >= dead for name, shape in shapes.items()}
    weights = {name: torch.randn(shape, generator=draw) * alive[name] for name, shape in shapes.items()}
    return weights, alive, {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}


@given(st.integers(0, 99), st.floats(0, 1), st.sampled_from(["global", "tensor"]))
def test_counts_follow_the_cubic_course_exactly(seed, progress, scope):
    weights, alive, grads = network(seed, dead=0.0)
    moved = granet(weights, alive, grads, 0.9, progress, initial=0.0, pruned_by=0.5, scope=scope)
    share = 0.9 - 0.9 * (1 - min(1, progress / 0.5)) ** 3
    assert sum(int(mask.sum()) for mask in moved.values()) == keep_count(50, share)
    if scope == "tensor":
        assert abs(int(moved["a"].sum()) - 0.6 * keep_count(50, share)) < 1


def test_without_exchange_the_largest_of_all_stay():
    weights, alive, grads = network(0, dead=0.0)
    moved = granet(weights, alive, grads, 0.8, 1.0, drop=0.0, least_drop=0.0)
    kept = torch.cat([weights[name][moved[name]].abs() for name in weights])
    gone = torch.cat([weights[name][~moved[name]].abs() for name in weights])
    assert len(kept) == 10
    assert kept.min() >= gone.max()


def test_at_a_constant_sparsity_it_is_rigl():
    weights, alive, grads = network(1)
    sparsity = 1 - sum(int(mask.sum()) for mask in alive.values()) / 50
    moved = granet(weights, alive, grads, sparsity, 0.25, initial=sparsity, drop=0.4, least_drop=0.0)
    expected = rigl(weights, alive, grads, 0.25, drop=0.4)
    assert all(torch.equal(moved[name], expected[name]) for name in weights)
    assert any((moved[name] & ~alive[name]).any() for name in weights)


def test_what_is_pruned_is_gone_unless_its_gradient_brings_it_back():
    weights, alive, _ = network(2, dead=0.0)
    flat = {name: torch.zeros_like(each) for name, each in weights.items()}
    still = granet(weights, alive, flat, 0.5, 1.0, initial=0.0, drop=0.0, least_drop=0.0)
    steep = {name: (~still[name]).float() for name in weights}
    moved = granet(weights, alive, steep, 0.5, 1.0, initial=0.0, drop=0.2, least_drop=0.2)
    assert any((moved[name] & ~still[name]).any() for name in weights)
    assert {name: int(mask.sum()) for name, mask in moved.items()} == {
        name: int(mask.sum()) for name, mask in still.items()
    }


@pytest.mark.parametrize(
    "options", [{"initial": 0.9}, {"pruned_by": 0.0}, {"drop": 1.1}, {"least_drop": -0.1}, {"scope": "row"}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadConfig):
        granet(*network(0), 0.8, 0.5, **options)
