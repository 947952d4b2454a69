"""The probe of the conformance kit, which changes what another is given and answers, in every call of the protocol."""

import inspect

import pytest
import torch

from pruneproof.contracts.ingredients import Probe
from pruneproof.testing.cases import Case
from pruneproof.testing.networks import Network
from pruneproof.testing.probes import ChangedProbe
from pruneproof.training.probe import ModelProbe

CALLS = [
    name
    for name, each in vars(Probe).items()
    if inspect.isfunction(each) and not name.startswith("_") and name != "loss"  # which answers a number
]
FEATURES = {"activations", "layer_gram"}


def probe() -> ModelProbe:
    scene = Case(Network(kind="conv", width=3), batches=(3, 2), dead=0.5).build(torch.float32)
    return ModelProbe(scene.model, scene.names, scene.masks, scene.batches)


def ask(some: Probe, call: str, vector, **options):
    return getattr(some, call)(*([vector] if call == "hessian_vector" else []), **options)


def test_the_protocol_has_these_calls_and_the_probe_offers_them_with_the_same_defaults():
    assert set(CALLS) == {"gradients", "hessian_vector", "curvature", "sample_gradients"} | FEATURES
    for call in [*CALLS, "loss"]:
        asked, offered = (inspect.signature(getattr(each, call)).parameters for each in (Probe, ModelProbe))
        assert {name: each.default for name, each in asked.items()} == {
            name: each.default for name, each in offered.items()
        }


@pytest.mark.parametrize("call", CALLS)
def test_names_are_changed_on_the_way_in_and_out(call):
    plain = probe()
    vector = plain.weights()
    new = {name: f"t{number}" for number, name in enumerate(vector)}
    old = {name: each for each, name in new.items()}

    def forth(tensors):
        return {new[name]: each for name, each in tensors.items()}

    renamed = ChangedProbe(
        plain,
        given=lambda tensors: {old[name]: each for name, each in tensors.items()},
        answered=forth,
        features=forth,
    )
    found, expected = ask(renamed, call, forth(vector)), forth(ask(plain, call, vector))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_point_of_gradients_and_of_the_loss_is_changed_too():
    plain = probe()
    halved = ChangedProbe(plain, given=lambda tensors: {name: each / 2 for name, each in tensors.items()})
    at = plain.weights()
    assert halved.loss(at=at) == plain.loss(at={name: each / 2 for name, each in at.items()}) != plain.loss()
    assert halved.loss() == plain.loss()
    found, expected = halved.gradients(at=at), plain.gradients(at={name: each / 2 for name, each in at.items()})
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert all(torch.equal(halved.gradients()[name], plain.gradients()[name]) for name in expected)


@pytest.mark.parametrize("call", CALLS)
def test_a_change_of_derivatives_leaves_what_layers_read(call):
    plain = probe()
    vector = plain.weights()
    gone = {name: torch.arange(each.numel()).reshape(each.shape) % 2 == 0 for name, each in vector.items()}

    def silenced(tensors):
        return {name: each.masked_fill(gone[name], 0.0) for name, each in tensors.items()}

    found, expected = ask(ChangedProbe(plain, answered=silenced), call, vector), ask(plain, call, vector)
    expected = expected if call in FEATURES else silenced(expected)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("call", sorted(set(CALLS) - FEATURES))
def test_answers_in_float64_can_be_spared(call):
    plain = probe()
    vector = plain.weights()

    def rounded(tensors):
        return {name: each.half() for name, each in tensors.items()}

    for spare, double in ((False, False), (False, True), (True, False), (True, True)):
        some = ChangedProbe(plain, answered=rounded, spare_double=spare)
        dtypes = {each.dtype for each in ask(some, call, vector, double=double).values()}
        assert dtypes == {torch.float64 if spare and double else torch.float16}
