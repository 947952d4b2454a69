import pytest
import torch

from pruneproof.models.wide_resnet import WRNS

CIFAR = (3, 32, 32)
BY_ID = {model.id: model for model in WRNS}


def weights_of(name: str, **options: object) -> list[int]:
    model = BY_ID[name]
    with torch.device("meta"):
        network = model.build(CIFAR, 10, **options)
    return [network.get_parameter(each).numel() for each in model.prunable(network)]


@pytest.mark.parametrize(("name", "weights", "tensors"), [("wrn-28-8", 23_340_464, 29), ("wrn-22-8", 17_147_312, 23)])
def test_prunable_weights_are_those_of_the_global_mp_study(name: str, weights: int, tensors: int) -> None:
    counted = weights_of(name)
    assert (sum(counted), len(counted)) == (weights, tensors)


def test_six_layers_of_depth_are_one_block_per_group() -> None:
    block_per_group = sum(2 * 9 * channels**2 for channels in (128, 256, 512))
    assert sum(weights_of("wrn-22-8")) - sum(weights_of("wrn-16-8")) == block_per_group


def test_wrn_28_10_has_the_36_5_million_parameters_of_the_paper() -> None:
    with torch.device("meta"):
        network = BY_ID["wrn-28-10"].build(CIFAR, 10)
    assert round(sum(each.numel() for each in network.parameters()) / 1e6, 1) == 36.5


def test_the_last_block_of_wrn_22_8_is_tensors_21_and_22_before_the_classifier() -> None:
    assert weights_of("wrn-22-8")[20:] == [2_359_296, 2_359_296, 5_120]


def test_a_named_network_is_the_general_one_with_its_numbers_fixed() -> None:
    assert weights_of("wrn-16-8") == weights_of("wrn", depth=16, width=8)
    assert BY_ID["wrn-16-8"].options == {"dropout": 0.0}


def test_convolutions_are_drawn_by_fan_out_and_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    network = BY_ID["wrn"].build(CIFAR, 10, depth=10, width=4, dropout=0.5)
    weight = network.get_parameter("groups.2.0.conv1.weight")
    assert weight.std().item() == pytest.approx((2 / (9 * 256)) ** 0.5, rel=0.02)
    x = torch.randn(4, *CIFAR)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
