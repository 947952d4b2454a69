"""Gem-Miner: rounds freeze the smallest for good, to exact counts; what is exported follows the named rule."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.api import keep_count
from pruneproof.errors import BadConfig
from pruneproof.searches.gem_miner import FROZEN, export, gate, penalty, project, start


def variables(seed=0, size=(10, 20)):
    return start({"a": torch.zeros(size), "b": torch.zeros(50)}, torch.Generator().manual_seed(seed))


def alive(found):
    return sum(int((p >= 0).sum()) for p in found.values())


@given(st.integers(0, 9), st.floats(0, 0.999), st.integers(1, 10))
def test_after_each_round_exactly_so_many_are_left_and_none_comes_back(seed, sparsity, rounds):
    found = variables(seed)
    noise = torch.Generator().manual_seed(seed)
    for number in range(1, rounds + 1):
        moved = {name: p + torch.randn(p.shape, generator=noise) for name, p in found.items()}
        after = project(moved, sparsity, number / (rounds + 1), rounds=rounds)
        share = sparsity if number == rounds else 1 - (1 - sparsity) ** (number / rounds)
        assert alive(after) == keep_count(250, share)
        assert all(bool((after[name][found[name] < 0] == FROZEN).all()) for name in after)
        assert all(bool(((p == FROZEN) | ((p >= 0) & (p <= 1))).all()) for p in after.values())
        found = after
    assert sum(int(mask.sum()) for mask in export(found, sparsity, rounds=rounds).values()) == alive(found)


def test_between_rounds_values_are_only_clamped():
    found = variables()
    assert all(torch.equal(project(found, 0.9, 0.09, rounds=9)[name], found[name]) for name in found)
    assert alive(project(found, 0.9, 0.1, rounds=9)) < 250


def test_the_smallest_of_all_tensors_are_frozen():
    found = variables()
    kept = project(found, 0.5, 0.9, rounds=1)
    stay = torch.cat([found[name][kept[name] >= 0] for name in found])
    gone = torch.cat([found[name][kept[name] < 0] for name in found])
    assert stay.min() >= gone.max()


def test_frozen_variables_get_no_gradient_from_loss_or_penalty():
    p = torch.tensor([0.9, 0.1, FROZEN], requires_grad=True)
    total = (gate({"w": p}, 0.5, 0.5, torch.Generator())["w"] * 3).sum() + penalty({"w": p}, 0.5, 0.5, strength=0.5)
    assert torch.autograd.grad(total, p)[0].tolist() == pytest.approx([3.9, 3.1, 0.0])


def test_the_threshold_rule_leaves_what_the_gate_let_through():
    found = project(variables(), 0.6, 0.99, rounds=1)
    exported = export(found, 0.6, rule="threshold")
    gates = gate(found, 0.6, 0.99, torch.Generator())
    assert all(torch.equal(exported[name], gates[name] == 1) for name in found)


@pytest.mark.parametrize("options", [{"rule": "sample"}, {"rounds": 0}, {"strength": -1.0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadConfig):
        start({"w": torch.zeros(2)}, torch.Generator(), **options)
