"""Gradients of single samples."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pruneproof.errors import BadConfig
from pruneproof.testing.cases import Case
from pruneproof.testing.networks import KINDS, Network
from pruneproof.testing.strategies import SEEDS, networks
from pruneproof.training import sample_gradients
from pruneproof.training.probe import ModelProbe


class InPlace(nn.Module):
    """A residual block whose ReLU writes in place, BatchNorm, dropout, and a layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.inner = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
        self.drop = nn.Dropout(0.5)
        self.twice = nn.Linear(4, 4)
        self.classifier = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stream = F.relu_(self.norm(self.stem(x)))
        stream = stream + self.inner(stream)
        features = torch.tanh(self.twice(self.drop(stream.mean((2, 3)))))
        return self.classifier(torch.tanh(self.twice(features)))


def one_by_one(model: nn.Module, names, masks, batches) -> dict[str, torch.Tensor]:
    """Return the gradients from one backward pass for each sample."""
    model = model.eval()
    with torch.no_grad():
        for name, alive in ({} if masks is None else masks.to_tensors()).items():
            model.get_parameter(name).masked_fill_(~alive, 0.0)
    found = {name: [] for name in names}
    for x, y in batches:
        for one, label in zip(x.to(model.get_parameter(names[0]).dtype), y, strict=True):
            model.zero_grad()
            F.cross_entropy(model(one[None]), label[None]).backward()
            for name in names:
                alive = torch.ones(()) if masks is None else masks[name]
                found[name].append(model.get_parameter(name).grad * alive)
    return {name: torch.stack(each) for name, each in found.items()}


@pytest.mark.parametrize(("kind", "dead"), list(itertools.product(KINDS, (0.0, 0.5))))
def test_they_are_those_of_one_backward_pass_per_sample_in_the_order_of_the_batches(kind, dead):
    scene = Case(Network(kind=kind, width=4, seed=2), batches=(3, 1, 4), dead=dead).build()
    found = ModelProbe(scene.model, scene.names, scene.masks, scene.batches).sample_gradients()
    expected = one_by_one(scene.model, scene.names, scene.masks, scene.batches)
    assert list(found) == list(scene.names)
    for name in scene.names:
        assert found[name].shape == (8, *scene.model.get_parameter(name).shape)
        assert expected[name].any()
        torch.testing.assert_close(found[name], expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("numbers", [1, 900, 2**26])
def test_the_size_of_the_chunks_does_not_matter_nor_do_writes_in_place_and_dropout(numbers, monkeypatch):
    torch.manual_seed(0)
    model = InPlace().double()
    x, y = torch.randn(7, 2, 6, 6, dtype=torch.float64), torch.randint(3, (7,))
    names = ["stem.weight", "inner.weight", "twice.weight", "classifier.weight"]
    monkeypatch.setattr(sample_gradients, "NUMBERS", numbers)
    found = ModelProbe(model, names, None, [(x[:5], y[:5]), (x[5:], y[5:])]).sample_gradients()
    for name, each in one_by_one(model, names, None, [(x, y)]).items():
        torch.testing.assert_close(found[name], each, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (3, 3), (4, 4), (5, 5), (50, 5), (None, 5)])
def test_a_limit_takes_the_first_samples(limit, count):
    scene = Case(Network(kind="conv"), batches=(3, 2)).build()
    probe = ModelProbe(scene.model, scene.names, None, scene.batches)
    every, some = probe.sample_gradients(), probe.sample_gradients(limit=limit)
    for name in scene.names:
        torch.testing.assert_close(some[name], every[name][:count], rtol=1e-12, atol=1e-15)


def test_a_limit_below_one_and_batch_statistics_are_refused():
    scene = Case(Network(kind="conv")).build()
    probe = ModelProbe(scene.model, scene.names, None, scene.batches)
    with pytest.raises(BadConfig, match="gradients of 0 samples: at least 1"):
        probe.sample_gradients(limit=0)
    with pytest.raises(BadConfig, match=r"single samples with train_mode=True: .* Take train_mode=False\."):
        probe.sample_gradients(train_mode=True)
    with pytest.raises(BadConfig, match="no scoring samples"):
        ModelProbe(scene.model, scene.names, None, []).sample_gradients()


def test_float64_on_demand():
    scene = Case(Network(kind="conv", width=3), batches=(3,)).build(torch.float32)
    probe = ModelProbe(scene.model, scene.names, None, scene.batches)
    single, double = probe.sample_gradients(), probe.sample_gradients(double=True)
    expected = one_by_one(scene.model.double(), scene.names, None, scene.batches)
    for name in scene.names:
        assert (single[name].dtype, double[name].dtype) == (torch.float32, torch.float64)
        torch.testing.assert_close(double[name], expected[name], rtol=1e-9, atol=1e-12)


@settings(max_examples=25)
@given(
    st.builds(
        Case,
        network=networks().filter(lambda network: network.fill != "wide"),
        batches=st.sampled_from([(1,), (4, 1), (2, 3, 5)]),
        dead=st.sampled_from([0.0, 0.5, 0.9]),
        seed=SEEDS,
    ),
    st.sampled_from([1.0, 5.0]),
)
def test_their_mean_is_the_gradient_the_mean_of_their_squares_the_fisher_and_dead_weights_have_none(case, temperature):
    scene = case.build()
    probe = ModelProbe(scene.model, scene.names, scene.masks, scene.batches)
    found = probe.sample_gradients(temperature=temperature)
    gradient = probe.gradients(train_mode=False, temperature=temperature)
    fisher = probe.curvature("fisher", temperature=temperature)
    for name, alive in probe.alive().items():
        torch.testing.assert_close(found[name].mean(0), gradient[name], rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(found[name].square().mean(0), fisher[name], rtol=1e-9, atol=1e-11)
        assert not found[name][:, ~alive].any()
