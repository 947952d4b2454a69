import pytest
import torch
from torch import nn

from pruneproof.contracts.model import conv_and_linear
from pruneproof.criteria.synflow import SYNFLOW
from pruneproof.training.scoring import score
from pruneproof.values.masks import MaskSet

ONE_IMAGE = [(torch.zeros(1, 1, 8, 8), torch.zeros(1, dtype=torch.int64))]


def scored(model: nn.Module, masks: MaskSet | None = None) -> dict[str, torch.Tensor]:
    return score(SYNFLOW, {}, model, conv_and_linear(model), masks, ONE_IMAGE, torch.Generator())


def network(*, bias: bool = False) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=bias),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, bias=bias),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24, 10, bias=bias),
        nn.ReLU(),
        nn.Linear(10, 3, bias=bias),
    )


def totals(scores: dict[str, torch.Tensor]) -> list[float]:
    return [float(each.sum()) for each in scores.values()]


def flow(model: nn.Module) -> float:
    """R: the summed output for ones of the network with absolute weights, by an ordinary forward pass."""
    positive = network().double()
    positive.load_state_dict({name: value.abs() for name, value in model.state_dict().items()})
    with torch.no_grad():
        return float(positive.eval()(torch.ones(1, 1, 8, 8, dtype=torch.float64)).sum())


def test_every_layer_of_a_network_without_biases_has_the_same_total_and_it_is_the_flow():
    model = network()
    assert totals(scored(model)) == pytest.approx([flow(model)] * 4, rel=1e-9)


def test_conservation_holds_under_a_mask_and_dead_weights_score_zero():
    model = network()
    masks = MaskSet.from_arrays(
        {name: (model.get_parameter(name).detach().abs() > 0.05).numpy() for name in conv_and_linear(model)}
    )
    scores = scored(model, masks)
    assert 0 < masks.count() < masks.size()
    assert totals(scores) == pytest.approx([totals(scores)[0]] * 4, rel=1e-9)
    assert totals(scores)[0] > 0
    assert all((scores[name][~mask] == 0).all() for name, mask in masks.items())


def test_incoming_flow_of_a_hidden_unit_equals_its_outgoing_flow():
    scores = scored(network())
    torch.testing.assert_close(scores["8.weight"].sum(1), scores["10.weight"].sum(0))


def test_biases_end_conservation():
    found = totals(scored(network(bias=True)))
    assert max(found) / min(found) > 1.01


def test_signs_of_weights_do_not_matter():
    model = network()
    before = scored(model)
    with torch.no_grad():
        for name in conv_and_linear(model):
            weight = model.get_parameter(name)
            weight *= torch.randint_like(weight, 2) * 2 - 1
    assert all(torch.equal(score, before[name]) for name, score in scored(model).items())


def test_only_the_shape_of_the_data_matters():
    model = network()
    batch = torch.randn(5, 1, 8, 8), torch.ones(5, dtype=torch.int64)
    other = score(SYNFLOW, {}, model, conv_and_linear(model), None, [batch], torch.Generator())
    assert all(torch.equal(score, other[name]) for name, score in scored(model).items())


def test_scaling_one_layer_scales_all_scores():
    model = network()
    before = scored(model)
    with torch.no_grad():
        model[8].weight *= 2.0
    after = scored(model)
    assert all(torch.allclose(after[name], 2.0 * before[name], rtol=1e-12) for name in before)


def test_deep_networks_that_overflow_float32_are_scored():
    torch.manual_seed(0)
    deep = nn.Sequential(nn.Flatten(), *(nn.Linear(64, 64, bias=False) for _ in range(100)))
    with torch.no_grad():
        for layer in deep[1:]:
            layer.weight.fill_(0.5)
    found = totals(scored(deep))
    assert found[0] > torch.finfo(torch.float32).max
    assert found == pytest.approx([64 * 32.0**100] * 100, rel=1e-9)


def test_of_two_linear_layers_every_weight_scores_the_paths_through_it():
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False)).double()
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        model[2].weight.copy_(torch.tensor([[5.0, 6.0]]))
    batch = [(torch.zeros(1, 1, 1, 2), torch.zeros(1, dtype=torch.int64))]
    found = score(SYNFLOW, {}, model, conv_and_linear(model), None, batch, torch.Generator())
    assert found["2.weight"].tolist() == [[5.0 * 3.0, 6.0 * 7.0]]
    assert found["1.weight"].tolist() == [[5.0, 10.0], [18.0, 24.0]]
    assert totals(found) == [57.0, 57.0]
