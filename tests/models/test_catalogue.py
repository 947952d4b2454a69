"""What holds of every architecture."""

import pytest
import torch
from torch import nn

from pruneproof.api import Model
from pruneproof.errors import BadConfig
from pruneproof.models.catalogue import MODELS

IMAGE_MODELS = [model for model in MODELS if model.id != "fastgrnn"]
DIGITS, MNIST, CIFAR, IMAGENET = (1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 224, 224)


def small(model: Model) -> dict[str, bool]:
    """The option that fits an ImageNet architecture to images below 32x32."""
    return {"small": True} if "small" in model.options else {}


def cheapest(model: Model) -> tuple[tuple[int, ...], dict[str, bool]]:
    return ((6, 9), {}) if model.id == "fastgrnn" else (DIGITS, small(model))


def test_every_id_is_listed_once() -> None:
    ids = [model.id for model in MODELS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("model", IMAGE_MODELS, ids=lambda model: model.id)
def test_every_image_model_maps_a_batch_of_images_to_logits(model: Model) -> None:
    with torch.device("meta"):
        for shape in (DIGITS, MNIST, CIFAR, IMAGENET, (3, 40, 33)):
            options = small(model) if min(shape[1:]) < 32 else {}
            assert model.build(shape, 7, **options)(torch.empty(2, *shape)).shape == (2, 7)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_the_seed_decides_the_initialisation_and_gradients_reach_every_prunable_tensor(model: Model) -> None:
    shape, options = cheapest(model)
    torch.manual_seed(3)
    network = model.build(shape, 4, **options)
    first = {name: value.clone() for name, value in network.state_dict().items()}
    logits = network(torch.randn(2, *shape))
    assert logits.shape == (2, 4)
    # Sum of the logits against fixed directions: cross-entropy's gradient may vanish when a network is sure of itself.
    (logits * torch.randn(2, 4)).sum().backward()
    prunable = model.prunable(network)
    parameters = dict(network.named_parameters())
    assert prunable
    for name in prunable:
        gradient = parameters[name].grad
        assert gradient is not None, name
        assert bool(gradient.isfinite().all()), name
        assert bool(gradient.any()), name

    torch.manual_seed(3)
    again = model.build(shape, 4, **options).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    torch.manual_seed(4)
    other = model.build(shape, 4, **options).state_dict()
    assert not all(torch.equal(first[name], other[name]) for name in prunable)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_a_shape_that_makes_no_sense_is_refused_by_name(model: Model) -> None:
    shape = (3, 32, 32) if model.id == "fastgrnn" else (3, 0, 32)
    with pytest.raises(BadConfig, match=r"cannot be built for inputs of shape \(3, "):
        model.build(shape, 10)


@pytest.mark.parametrize(
    ("name", "smallest"),
    [
        ("lenet-5", 4),
        ("resnet-20", 4),
        ("wrn", 4),
        ("vgg-16", 2),
        ("mobilenet-v1", 32),
        ("mobilenet-v2-cifar", 8),
        ("resnet-18", 32),
    ],
)
def test_the_smallest_image_is_accepted_and_one_pixel_less_refused(name: str, smallest: int) -> None:
    model = next(each for each in MODELS if each.id == name)
    with torch.device("meta"):
        accepted = model.build((3, smallest, smallest), 5)
        assert accepted(torch.empty(2, 3, smallest, smallest)).shape == (2, 5)
        with pytest.raises(BadConfig, match=f"at least {smallest} pixels"):
            model.build((3, smallest, smallest - 1), 5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlp", {"hidden": (300, 0)}),
        ("resnet-20", {"width": 0}),
        ("resnet-20", {"shortcut": "C"}),
        ("wrn", {"depth": 27}),
        ("wrn", {"width": 1.5}),
        ("wrn-28-8", {"dropout": 1.0}),
        ("vgg-16", {"width": 0.0}),
        ("mobilenet-v1", {"width": float("nan")}),
        ("mobilenet-v2-cifar", {"shortcut": "A"}),
    ],
)
def test_an_option_out_of_range_is_refused_with_its_value(name: str, options: dict[str, object]) -> None:
    model = next(each for each in MODELS if each.id == name)
    (option, value), *_ = options.items()
    shown = 0 if option == "hidden" else value
    with pytest.raises(BadConfig, match=f"{option} = {shown!r}"):
        model.build(CIFAR, 10, **options)


def test_no_network_holds_an_in_place_activation() -> None:
    """They would alter the outputs that hooks have recorded."""
    for model in IMAGE_MODELS:
        with torch.device("meta"):
            network = model.build(DIGITS, 4, **small(model))
        assert not any(part.inplace for part in network.modules() if isinstance(part, nn.ReLU)), model.id
