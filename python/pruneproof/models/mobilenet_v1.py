"""MobileNet-V1: depthwise separable convolutions."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from pruneproof.api import Model, Source
from pruneproof.models.arguments import image_shape, scaled

SOURCE = Source(
    "A. G. Howard and others",
    2017,
    "MobileNets: efficient convolutional neural networks for mobile vision applications",
    "1704.04861",
    "table 1",
)
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
"""Output channels and stride of each separable block."""


def _separable(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            depthwise=nn.Conv2d(inputs, inputs, 3, stride, padding=1, groups=inputs, bias=False),
            bn1=nn.BatchNorm2d(inputs),
            relu1=nn.ReLU(),
            pointwise=nn.Conv2d(inputs, outputs, 1, bias=False),
            bn2=nn.BatchNorm2d(outputs),
            relu2=nn.ReLU(),
        )
    )


def mobilenet_v1(shape: Sequence[int], classes: int, *, width: float = 1.0, small: bool = False) -> nn.Module:
    """Build MobileNet-V1 with a bias-free classifier, initialised as PyTorch does.

    28 prunable tensors; 4,209,088 weights and 568.7 million multiply-adds for 1000 classes at 224x224. `width`
    multiplies all channels (the paper's alpha). The network divides the side by 32; with `small` the first convolution
    has stride 1, so it divides by 16 and small images keep some extent.

    >>> sum(each.numel() for each in mobilenet_v1((3, 224, 224), 1000).parameters() if each.dim() > 1)
    4209088

    Raises:
        BadConfig: the input is no image or smaller than 32x32 (8x8 with `small`); the width is not positive.
    """
    name = "mobilenet-v1"
    advice = "" if small else "Set small = true for a first convolution of stride 1, which takes 8x8 and above."
    channels, _, _ = image_shape(name, shape, smallest=8 if small else 32, advice=advice)
    inputs = scaled(name, 32, width)
    layers = OrderedDict[str, nn.Module](
        conv=nn.Conv2d(channels, inputs, 3, 1 if small else 2, padding=1, bias=False),
        bn=nn.BatchNorm2d(inputs),
        relu=nn.ReLU(),
    )
    for number, (outputs, stride) in enumerate(BLOCKS, start=1):
        layers[f"block{number}"] = _separable(inputs, scaled(name, outputs, width), stride)
        inputs = scaled(name, outputs, width)
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["classifier"] = nn.Linear(inputs, classes, bias=False)
    return nn.Sequential(layers)


def mobilenet_v1_cifar(shape: Sequence[int], classes: int, *, width: float = 1.0) -> nn.Module:
    """Build MobileNet-V1 for small images, whose classifier has a bias: the one of Lubana & Dick (2021).

    The first convolution has stride 1. 3,217,226 parameters for ten classes.

    >>> sum(each.numel() for each in mobilenet_v1_cifar((3, 32, 32), 10).parameters())
    3217226

    Raises:
        BadConfig: the input is no image or smaller than 8x8; the width is not positive.
    """
    image_shape("mobilenet-v1-cifar", shape, smallest=8)
    model = mobilenet_v1(shape, classes, width=width, small=True)
    features = model.get_parameter("classifier.weight").shape[1]
    model.add_module("classifier", nn.Linear(features, classes))
    return model


MOBILENET_V1_CIFAR = Model(
    "mobilenet-v1-cifar",
    mobilenet_v1_cifar,
    Source("E. S. Lubana, R. P. Dick", 2021, "A Gradient Flow Framework For Analyzing Network Pruning", "2009.11839"),
    example_options={"width": 0.125},
)
MOBILENET_V1 = Model("mobilenet-v1", mobilenet_v1, SOURCE, example_options={"width": 0.125, "small": True})
