import pytest
import torch

from pruneproof.api import Model
from pruneproof.models.resnet_cifar import RESNETS

CIFAR = (3, 32, 32)
BY_ID = {model.id: model for model in RESNETS}


def sizes(model: Model, **options: object) -> tuple[int, list[int]]:
    with torch.device("meta"):
        network = model.build(CIFAR, 10, **options)
    parameters = dict(network.named_parameters())
    total = sum(each.numel() for each in parameters.values())
    return total, [parameters[name].numel() for name in model.prunable(network)]


@pytest.mark.parametrize(("name", "printed"), [("resnet-20", 0.27), ("resnet-32", 0.46), ("resnet-56", 0.85)])
def test_option_a_has_the_parameter_counts_that_he_et_al_print(name: str, printed: float) -> None:
    """Table 6 of arXiv 1512.03385 prints millions with two digits."""
    total, _ = sizes(BY_ID[name])
    assert round(total / 1e6, 2) == printed


def test_resnet_32_has_exactly_the_prunable_weights_of_the_global_mp_study() -> None:
    _, weights = sizes(BY_ID["resnet-32"])
    assert (sum(weights), len(weights)) == (461_872, 32)


def test_option_b_adds_two_projections() -> None:
    """270,896 weights in 22 tensors is open_lth's ResNet-20; 855,770 parameters a released ResNet-56."""
    _, weights = sizes(BY_ID["resnet-20"], shortcut="B")
    assert (sum(weights), len(weights)) == (270_896, 22)
    total, _ = sizes(BY_ID["resnet-56"], shortcut="B")
    assert total == 855_770


@pytest.mark.parametrize("name", BY_ID)
def test_the_depth_in_the_name_counts_the_weighted_layers(name: str) -> None:
    assert len(sizes(BY_ID[name])[1]) == int(name.removeprefix("resnet-"))


def test_option_a_keeps_the_values_of_the_input_in_the_leading_channels() -> None:
    model = BY_ID["resnet-8"].build(CIFAR, 10, width=4)
    shortcut = model.get_submodule("stages.1.0.shortcut")
    x = torch.randn(2, 4, 6, 5)
    out = shortcut(x)
    assert out.shape == (2, 8, 3, 3)
    assert torch.equal(out[:, :4], x[:, :, ::2, ::2])
    assert not out[:, 4:].any()


def test_convolutions_are_drawn_by_fan_in() -> None:
    torch.manual_seed(0)
    weight = BY_ID["resnet-32"].build(CIFAR, 10).get_parameter("stages.2.1.conv1.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.02)


def test_at_initialisation_the_largest_5_percent_of_magnitudes_leave_only_the_classifier_empty() -> None:
    """A training-free fact of the ResNet-32 study that depends on architecture and initialisation together."""
    torch.manual_seed(0)
    model = BY_ID["resnet-32"]
    network = model.build(CIFAR, 10)
    magnitudes = {name: network.get_parameter(name).detach().abs() for name in model.prunable(network)}
    every = torch.cat([each.flatten() for each in magnitudes.values()])
    threshold = every.kthvalue(int(0.95 * every.numel())).values
    assert [name for name, each in magnitudes.items() if not (each > threshold).any()] == ["classifier.weight"]
