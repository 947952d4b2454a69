"""VGG networks for CIFAR: batch normalisation, global average pooling and a single linear classifier."""

from collections.abc import Sequence

from torch import nn

from pruneproof.api import Model, Source
from pruneproof.models.arguments import image_shape, scaled
from pruneproof.models.init import he_normal, he_normal_everywhere, reset_and

SOURCE = Source(
    "K. Simonyan, A. Zisserman",
    2014,
    "Very deep convolutional networks for large-scale image recognition",
    "1409.1556",
    "table 1, in the CIFAR form",
)
CHANNELS = (64, 128, 256, 512, 512)
DEPTHS = {"vgg-11": (1, 1, 2, 2, 2), "vgg-13": (2, 2, 2, 2, 2), "vgg-16": (2, 2, 3, 3, 3), "vgg-19": (2, 2, 4, 4, 4)}
"""Convolutions of each stage: columns A, B, D and E of the paper's table 1."""


def _named(name: str) -> Model:
    def build(shape: Sequence[int], classes: int, *, width: float = 1.0) -> nn.Module:
        """Build a VGG for small images: stages of 3x3 Conv-BN-ReLU, each followed by max-pooling by 2.

        `width` multiplies all channels. A map that is one pixel high or wide is not pooled further, so any image of at
        least 2x2 works. Convolutions have no bias (batch normalisation follows) and are drawn from He's normal
        distribution by fan-out.

        Deviations from the paper: batch normalisation, and one linear classifier on globally averaged features instead
        of three layers with dropout; both are what "VGG on CIFAR" means in the pruning literature.

        Raises:
            BadConfig: the input is no image or smaller than 2x2; the width is not positive.
        """
        inputs, height, wide = image_shape(name, shape, smallest=2)
        side = min(height, wide)
        layers: list[nn.Module] = []
        for count, channels in zip(DEPTHS[name], CHANNELS, strict=True):
            for _ in range(count):
                outputs = scaled(name, channels, width)
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
                inputs = outputs
            if side >= 2:
                layers.append(nn.MaxPool2d(2))
                side //= 2
        model = nn.Sequential()
        model.add_module("features", nn.Sequential(*layers))
        model.add_module("pool", nn.AdaptiveAvgPool2d(1))
        model.add_module("flatten", nn.Flatten())
        model.add_module("classifier", nn.Linear(inputs, classes))
        he_normal(model, "fan_out")
        return model

    initialise = reset_and(lambda model: he_normal(model, "fan_out"))
    return Model(name, build, SOURCE, example_options={"width": 0.06}, initialise=initialise)


VGGS = tuple(_named(name) for name in DEPTHS)


def vgg_11_plain(shape: Sequence[int], classes: int, *, width: float = 1.0) -> nn.Module:
    """Build VGG-11 for small images without batch normalisation, with biases and three linear layers.

    The network in the code of Laurent et al. (2020), arXiv 2006.12279: eight 3x3 convolutions, max-pooling by 2 after
    the stages, then linear layers of 512, 512 and the classes, no dropout. On 32x32 images and for ten classes
    9,747,136 weights and 3,786 biases. `width` multiplies all channels. A map that is one pixel high or wide is not
    pooled further; what is left is flattened.

    Raises:
        BadConfig: the input is no image or smaller than 2x2; the width is not positive.
    """
    name = "vgg-11-plain"
    inputs, height, wide = image_shape(name, shape, smallest=2)
    layers: list[nn.Module] = []
    for count, channels in zip(DEPTHS["vgg-11"], CHANNELS, strict=True):
        for _ in range(count):
            outputs = scaled(name, channels, width)
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            inputs = outputs
        if min(height, wide) >= 2:
            layers.append(nn.MaxPool2d(2))
            height, wide = height // 2, wide // 2
    features, hidden = inputs * height * wide, scaled(name, 512, width)
    model = nn.Sequential()
    model.add_module("features", nn.Sequential(*layers))
    model.add_module("flatten", nn.Flatten())
    model.add_module("fc1", nn.Linear(features, hidden))
    model.add_module("relu1", nn.ReLU())
    model.add_module("fc2", nn.Linear(hidden, hidden))
    model.add_module("relu2", nn.ReLU())
    model.add_module("classifier", nn.Linear(hidden, classes))
    he_normal_everywhere(model)
    return model


VGG_11_PLAIN = Model(
    "vgg-11-plain",
    vgg_11_plain,
    SOURCE,
    example_options={"width": 0.06},
    initialise=reset_and(he_normal_everywhere),
)
