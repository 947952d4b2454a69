import pytest
import torch
import torchvision

from pruneproof.models.resnet_imagenet import IMAGENET_RESNETS

BY_ID = {model.id: model for model in IMAGENET_RESNETS}


def test_resnet_50_has_the_25_502_912_prunable_weights_of_the_literature() -> None:
    model = BY_ID["resnet-50"]
    with torch.device("meta"):
        network = model.build((3, 224, 224), 1000)
    weights = [network.get_parameter(name).numel() for name in model.prunable(network)]
    assert (sum(weights), len(weights)) == (25_502_912, 54)


def test_it_is_torchvisions_network_weight_for_weight() -> None:
    torch.manual_seed(0)
    ours = BY_ID["resnet-18"].build((3, 32, 32), 10).state_dict()
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(weights=None, num_classes=10).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(("name", "millions"), [("resnet-18", 11.7), ("resnet-34", 21.8), ("resnet-50", 25.6)])
def test_parameter_counts_round_to_the_literature(name: str, millions: float) -> None:
    with torch.device("meta"):
        network = BY_ID[name].build((3, 224, 224), 1000)
    assert round(sum(each.numel() for each in network.parameters()) / 1e6, 1) == millions


def test_the_small_form_keeps_the_image_until_the_second_stage() -> None:
    with torch.device("meta"):
        network = BY_ID["resnet-18"].build((1, 32, 32), 10, small=True)
        assert network.maxpool(network.conv1(torch.empty(2, 1, 32, 32))).shape == (2, 64, 32, 32)
