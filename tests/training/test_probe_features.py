"""What layers read: norms and second moments of input features."""

import copy
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pruneproof.contracts.model import conv_and_linear
from pruneproof.errors import BadConfig
from pruneproof.testing.cases import Case
from pruneproof.testing.networks import Network
from pruneproof.testing.strategies import SEEDS, networks
from pruneproof.training import features
from pruneproof.training.probe import ModelProbe
from pruneproof.values.masks import MaskSet

LAYERS = {
    "linear": (lambda: nn.Linear(5, 3), (5,)),
    "linear over time steps": (lambda: nn.Linear(5, 3), (4, 5)),
    "conv1d": (lambda: nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 7)),
    "conv2d": (lambda: nn.Conv2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 0)), (2, 6, 5)),
    "groups": (lambda: nn.Conv2d(4, 6, 3, groups=2, dilation=2, padding=2), (4, 6, 6)),
    "depthwise": (lambda: nn.Conv2d(3, 6, 3, groups=3, bias=False), (3, 5, 5)),
    "same": (lambda: nn.Conv2d(2, 3, (4, 3), padding="same", dilation=(1, 2)), (2, 6, 6)),
    "valid": (lambda: nn.Conv2d(2, 3, 2, padding="valid"), (2, 4, 4)),
    "circular": (lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), (2, 4, 5)),
    "reflect": (lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (2, 4, 5)),
    "conv3d": (lambda: nn.Conv3d(2, 2, 2, padding=1), (2, 3, 3, 3)),
}


def picker(layer: nn.Module) -> nn.Module:
    """Return the layer with one output for each entry of the patch that a group reads: outputs are the patches."""
    width, groups = layer.weight[0].numel(), getattr(layer, "groups", 1)
    taken = copy.deepcopy(layer)
    units = torch.eye(width, dtype=layer.weight.dtype).reshape(width, *layer.weight.shape[1:])
    taken.weight = nn.Parameter(units.repeat(groups, *[1] * (units.ndim - 1)))
    taken.bias = None
    taken.out_channels = taken.out_features = groups * width
    return taken


def by_picking(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return the second moments of the patches that torch's own layer picks, sample by sample."""
    width, groups = layer.weight[0].numel(), getattr(layer, "groups", 1)
    total = torch.zeros(groups, width, width, dtype=torch.float64)
    for one in x:
        with torch.no_grad():
            patches = picker(layer)(one[None])[0].double()
        patches = (
            patches.reshape(-1, width).mT[None] if isinstance(layer, nn.Linear) else patches.reshape(groups, width, -1)
        )
        for place in range(patches.shape[2]):
            column = patches[..., place]
            total += column[:, :, None] * column[:, None, :]
    return total / len(x)


def around(layer: nn.Module) -> nn.Module:
    return nn.Sequential(layer, nn.Flatten(), nn.LazyLinear(2))


@pytest.mark.parametrize("name", LAYERS)
def test_second_moments_are_those_of_the_patches_that_the_layer_reads(name):
    torch.manual_seed(0)
    make, shape = LAYERS[name]
    layer = make().double()
    model = around(layer).double()
    x = torch.randn(5, *shape, dtype=torch.float64)
    model(x)
    y = torch.zeros(5, dtype=torch.int64)
    found = ModelProbe(model, ["0.weight"], None, [(x[:3], y[:3]), (x[3:], y[3:])]).layer_gram()["0.weight"]
    torch.testing.assert_close(found, by_picking(layer, x), rtol=1e-12, atol=1e-12)


def test_second_moments_of_a_convolution_match_a_count_by_hand():
    layer = nn.Conv2d(2, 2, 2, groups=2, padding=1, stride=2, bias=False)
    x = torch.randn(3, 2, 3, 3)
    expected = torch.zeros(2, 4, 4, dtype=torch.float64)
    for n, group, top, left in itertools.product(range(3), range(2), (-1, 1), (-1, 1)):
        seen = [
            float(x[n, group, top + i, left + j]) if 0 <= top + i < 3 and 0 <= left + j < 3 else 0.0
            for i in (0, 1)
            for j in (0, 1)
        ]
        for a, b in itertools.product(range(4), range(4)):
            expected[group, a, b] += seen[a] * seen[b] / 3
    model = nn.Sequential(layer, nn.Flatten())
    found = ModelProbe(model, ["0.weight"], None, [(x, torch.zeros(3).long())]).layer_gram()["0.weight"]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("train_mode", "dead"), list(itertools.product((False, True), (0.0, 0.5))))
@pytest.mark.parametrize("kind", ["conv", "residual", "depthwise"])
def test_inside_a_network_inputs_follow_masks_and_the_mode_of_batch_norm(kind, train_mode, dead):
    scene = Case(Network(kind=kind, width=4, depth=2), batches=(4, 2), dead=dead).build()
    probe = ModelProbe(scene.model, scene.names, scene.masks, scene.batches)
    found = probe.layer_gram(train_mode=train_mode)
    model = copy.deepcopy(scene.model).train(train_mode)
    with torch.no_grad():
        for name, weight in probe.weights().items():
            model.get_parameter(name).copy_(weight)
    read: dict[str, list[torch.Tensor]] = {name: [] for name in scene.names}
    for name in scene.names:
        layer = model.get_submodule(name.removesuffix(".weight"))
        layer.register_forward_pre_hook(lambda _, inputs, name=name: read[name].append(inputs[0].detach()))
    for x, _ in scene.batches:
        model(x.double())
    for name in scene.names:
        layer, inputs = model.get_submodule(name.removesuffix(".weight")), torch.cat(read[name])
        torch.testing.assert_close(found[name], by_picking(layer, inputs), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["linear", "groups", "same"])
def test_a_change_of_a_weights_row_changes_its_output_by_the_quadratic_form(name):
    torch.manual_seed(1)
    make, shape = LAYERS[name]
    layer = make().double()
    model = nn.Sequential(layer, nn.Flatten()).double()
    x, y = torch.randn(6, *shape, dtype=torch.float64), torch.zeros(6, dtype=torch.int64)
    gram = ModelProbe(model, ["0.weight"], None, [(x, y)]).layer_gram()["0.weight"]
    by_group = gram.repeat_interleave(len(layer.weight) // len(gram), 0)
    with torch.no_grad():
        before = layer(x)
        for row in range(len(layer.weight)):
            delta = torch.randn_like(layer.weight[row])
            layer.weight[row] += delta
            moved = (layer(x) - before).square().sum() / len(x)
            layer.weight[row] -= delta
            torch.testing.assert_close(delta.flatten() @ by_group[row] @ delta.flatten(), moved)


def test_further_calls_of_a_layer_and_layers_that_share_a_weight_are_all_counted():
    torch.manual_seed(0)

    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
            self.second.weight = self.first.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(self.first(x).tanh()).tanh())

    model = Shared().double()
    x, y = torch.randn(5, 3, dtype=torch.float64), torch.zeros(5, dtype=torch.int64)
    with torch.no_grad():
        once = model.first(x).tanh()
        every = torch.cat([x, once, model.first(once).tanh()])
    probe = ModelProbe(model, ["first.weight"], None, [(x, y)])
    torch.testing.assert_close(probe.layer_gram()["first.weight"][0], every.mT @ every / 5)
    own = torch.cat([x, once])  # of activations, only the layer that the weight is named after
    torch.testing.assert_close(probe.activations()["first.weight"][0], own.norm(dim=0))


@settings(max_examples=25)
@given(
    st.builds(
        Case,
        network=networks(("mlp", "conv", "residual", "depthwise")),
        batches=st.sampled_from([(1,), (3, 2)]),
        inputs=st.sampled_from(["normal", "zeros"]),
        dead=st.sampled_from([0.0, 0.5]),
        seed=SEEDS,
    )
)
def test_second_moments_are_symmetric_have_no_negative_eigenvalue_and_the_activations_on_the_diagonal(case):
    scene = case.build()
    probe = ModelProbe(scene.model, scene.names, scene.masks, scene.batches)
    activations = probe.activations()
    for name, gram in probe.layer_gram().items():
        torch.testing.assert_close(gram, gram.mT, rtol=1e-12, atol=0.0)
        eigenvalues = torch.linalg.eigvalsh(gram)
        assert float(eigenvalues.min()) >= -1e-9 * float(eigenvalues.max().clamp(min=0.0)) - 1e-300
        if isinstance(scene.model.get_submodule(name.removesuffix(".weight")), nn.Linear):
            total = gram[0].diagonal() * sum(case.batches)
            torch.testing.assert_close(total.sqrt(), activations[name][0], rtol=1e-9, atol=1e-12)


def test_sums_are_in_float64_whatever_the_network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten())
    x = 100 + torch.randn(64, 2, 8, 8)
    found = ModelProbe(model, ["0.weight"], None, [(x, torch.zeros(64).long())]).layer_gram()["0.weight"]
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, by_picking(model[0].double(), x.double()), rtol=1e-13, atol=0.0)


def test_the_amount_of_memory_does_not_matter(monkeypatch):
    scene = Case(Network(kind="conv", depth=2, width=3), batches=(5, 2)).build()
    probe = ModelProbe(scene.model, scene.names, None, scene.batches)
    expected = probe.layer_gram()
    monkeypatch.setattr(features, "NUMBERS", 1)
    for name, found in probe.layer_gram().items():
        torch.testing.assert_close(found, expected[name], rtol=1e-12, atol=1e-12)


def test_train_mode_reaches_the_activations():
    scene = Case(Network(kind="conv", depth=2), batches=(4, 2)).build()
    probe = ModelProbe(scene.model, scene.names, None, scene.batches)
    model = scene.model.train()
    read: list[torch.Tensor] = []
    handle = model.convs[1].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].detach()))
    for x, _ in scene.batches:
        copy.deepcopy(model)(x.double())
    handle.remove()
    found = probe.activations(train_mode=True)["convs.1.weight"][0, :, 0, 0]
    torch.testing.assert_close(found, torch.cat(read).square().sum((0, 2, 3)).sqrt())
    assert not torch.allclose(found, probe.activations()["convs.1.weight"][0, :, 0, 0])


def test_a_layer_that_is_not_called_has_none_and_a_weight_that_is_no_layers_is_refused():
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(3, 2), nn.Linear(4, 2)
            self.mix = nn.Parameter(torch.ones(2, 2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x) @ self.mix

    batches = [(torch.ones(2, 3), torch.zeros(2).long())]
    model = Idle()
    assert conv_and_linear(model) == ["used.weight", "idle.weight"]
    found = ModelProbe(model, ["used.weight", "idle.weight"], None, batches).layer_gram()
    assert torch.equal(found["idle.weight"], torch.zeros(1, 4, 4, dtype=torch.float64))
    assert torch.equal(found["used.weight"], torch.ones(1, 3, 3, dtype=torch.float64))
    with pytest.raises(BadConfig, match='layer_gram is not defined for "mix", a parameter of Idle'):
        ModelProbe(model, ["mix"], None, batches).layer_gram()
    with pytest.raises(BadConfig, match="no scoring samples"):
        ModelProbe(model, ["used.weight"], None, []).layer_gram()


def test_masks_of_weights_that_are_not_looked_at_act_too():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Linear(3, 2))
    with torch.no_grad():
        model[0].weight[1] = torch.nan
    masks = MaskSet.from_tensors(
        {"0.weight": torch.tensor([[True] * 2, [False] * 2, [True] * 2]), "1.weight": torch.ones(2, 3).bool()}
    )
    x = torch.ones(2, 2)
    found = ModelProbe(model, ["1.weight"], masks, [(x, torch.zeros(2).long())]).layer_gram()["1.weight"]
    assert found.isfinite().all()
    assert not found[0, 1].any()
