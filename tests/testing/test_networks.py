"""The networks of the kit are what their descriptions say, and their symmetries leave the function."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pruneproof.criteria.magnitude import MAGNITUDE
from pruneproof.testing import surroundings
from pruneproof.testing.cases import Case
from pruneproof.testing.claimable_laws import relu_rescaling_invariant
from pruneproof.testing.criterion_laws import _permute_model
from pruneproof.testing.law import LawBroken
from pruneproof.testing.networks import FILLS, KINDS, Network
from pruneproof.testing.strategies import Budget, Course, cases, networks


@given(network=networks(), count=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_every_description_builds_a_network_that_maps_its_inputs_to_logits(network, count):
    model = network.build()
    assert model(torch.zeros(count, *network.shape, dtype=torch.float64)).shape == (count, 2)
    assert set(network.prunable(model)) <= dict(model.named_parameters()).keys()
    assert eval(repr(network), {"Network": Network}) == network
    assert "\n" not in repr(network)


@given(case=cases(MAGNITUDE))
@settings(max_examples=30, deadline=None)
def test_building_a_case_twice_gives_the_same_and_moves_no_generator(case):
    before = surroundings.generator_states()
    one, two = case.build(), case.build()
    assert surroundings.generator_states() == before
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, two.model.state_dict()[name])
    assert one.masks == two.masks
    assert (one.masks is None) == (case.dead == 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("train", [True, False])
def test_permuting_hidden_units_leaves_the_function(kind, train):
    network = Network(kind=kind, width=4, depth=2, seed=5)
    one, other = network.build().train(train), network.build().train(train)
    for units in network.units():
        assert units
        _permute_model(other, units, torch.tensor([2, 0, 3, 1]))
    x = torch.randn(3, *network.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    torch.testing.assert_close(other(x), one(x))


@pytest.mark.filterwarnings("ignore:Using `assume` outside")
@pytest.mark.parametrize("kind", ["mlp", "recurrent", "tied"])
def test_rescaling_relu_units_leaves_the_function(kind):
    case = Case(Network(kind=kind, width=3, depth=2, seed=5))
    logits = []

    def remembers(weights, probe):
        logits.append(probe._model(probe._batches[0][0].double()))
        return {name: each.abs() for name, each in weights.items()}

    with pytest.raises(LawBroken):  # magnitudes do change
        relu_rescaling_invariant(type(MAGNITUDE)("spy", remembers, MAGNITUDE.source), case)
    torch.testing.assert_close(*logits)


def test_fillings_are_what_they_are_called():
    weights = {fill: Network(width=4, fill=fill).build().hidden[0].weight.detach() for fill in FILLS}
    assert len(weights["ties"].unique()) <= 4
    assert 0 < int((weights["zeros"] == 0).sum()) < weights["zeros"].numel()
    assert not weights["dead-unit"][0].any()
    assert weights["dead-unit"][1:].all()
    assert not weights["blank"].any()
    assert float(weights["wide"].abs().max() / weights["wide"].abs().min()) > 2**10


def test_tied_networks_share_one_weight_under_one_prunable_name():
    network = Network(kind="tied")
    model = network.build()
    assert model.first.weight is model.second.weight
    assert network.prunable(model) == ["stem.weight", "first.weight", "classifier.weight"]


def test_single_weights_are_among_the_networks():
    model = Network(width=1, features=1).build()
    assert model.get_parameter("hidden.0.weight").shape == (1, 1)


def test_descriptions_print_as_one_short_line():
    assert repr(Case(Network(kind="conv", fill="ties"), dead=0.5)) == (
        "Case(network=Network(kind='conv', fill='ties'), dead=0.5)"
    )
    assert repr(Course(0.5, 4)) == "Course(target=0.5, steps=4)"
    assert repr(Budget(((2, 3),), 4)) == "Budget(shapes=((2, 3),), keep=4)"


def test_global_generators_and_settings_are_put_back():
    before, settings_before = surroundings.generator_states(), surroundings.settings()
    with surroundings.kept():
        surroundings.stir()
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        np.seterr(all="ignore")
        assert surroundings.settings() != settings_before
    assert surroundings.generator_states() == before
    assert surroundings.settings() == settings_before
