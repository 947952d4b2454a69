"""Chains of convolutions whose activation stands before or after batch normalisation, or that have none."""

from collections.abc import Sequence

from torch import nn

from pruneproof.api import Model, Source, conv_and_linear
from pruneproof.models.arguments import at_least, image_shape, one_of, scaled
from pruneproof.models.init import he_normal_everywhere, reset_and

SOURCE = Source(
    "E. S. Lubana, R. P. Dick",
    2021,
    "A Gradient Flow Framework For Analyzing Network Pruning",
    "2009.11839",
    "code: models.py",
)
ORDERS = ("relu-bn", "bn-relu", "plain")
"""Conv-ReLU-BN, Conv-BN-ReLU, and Conv-ReLU with biases."""
POOL = 0
"""Max-pooling by 2 among the channels of a chain."""
VGG_13 = (64, 64, POOL, 128, 128, POOL, 256, 256, POOL, 512, 512, POOL, 512, 512, POOL)


def _chain(name: str, shape: Sequence[int], classes: int, layers: Sequence[int], order: str) -> nn.Module:
    inputs, height, wide = image_shape(name, shape, smallest=2)
    side = min(height, wide)
    parts: list[nn.Module] = []
    for outputs in layers:
        if outputs == POOL:
            parts += [nn.MaxPool2d(2)] if side >= 2 else []
            side //= 2
            continue
        normalise: list[nn.Module] = [] if order == "plain" else [nn.BatchNorm2d(outputs)]
        behind = [nn.ReLU(), *normalise] if order == "relu-bn" else [*normalise, nn.ReLU()]
        parts += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=order == "plain"), *behind]
        inputs = outputs
    model = nn.Sequential()
    model.add_module("features", nn.Sequential(*parts))
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flatten", nn.Flatten())
    model.add_module("classifier", nn.Linear(inputs, classes))
    return model


def convolutions(module: nn.Module) -> list[str]:
    """Return the names of the convolutions' weights: the classifier is not ranked.

    >>> convolutions(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(2, 3)))
    ['0.weight']
    """
    return [name for name in conv_and_linear(module) if module.get_parameter(name).dim() == 4]


def conv_chain(
    shape: Sequence[int], classes: int, *, channels: Sequence[int] = (8, 16, POOL, 16, 32), order: str = "relu-bn"
) -> nn.Module:
    """Build 3x3 convolutions in a row, the mean over what is left of the image, and a linear classifier.

    Initialised as PyTorch does, which gives every filter the same expected norm whatever its layer. Of small images for
    minutes on a CPU.

    >>> sum(each.numel() for each in conv_chain((1, 8, 8), 10).parameters())
    8610

    Args:
        shape: (channels, height, width).
        classes: logits.
        channels: of each convolution; 0 is max-pooling by 2, left out where the image is one pixel high or wide.
        order: "relu-bn" is Conv-ReLU-BN, as in the code of Lubana & Dick (2021); "bn-relu" Conv-BN-ReLU; "plain"
            Conv-ReLU with biases and without normalisation.

    Raises:
        BadConfig: the input is no image or smaller than 2x2; an option is out of range.
    """
    one_of("conv-chain", "order", order, ORDERS)
    for each in channels:
        at_least("conv-chain", "channels", each, POOL)
    return _chain("conv-chain", shape, classes, channels, order)


def vgg_13_relu_bn(shape: Sequence[int], classes: int, *, width: float = 1.0, order: str = "relu-bn") -> nn.Module:
    """Build the VGG-13 of Lubana & Dick (2021): Conv-ReLU-BN without biases, one linear layer.

    9,413,066 parameters and 2,944 filters for ten classes. `width` multiplies all channels; `order` is that of
    `conv-chain`. Initialised as PyTorch does.

    >>> sum(each.numel() for each in vgg_13_relu_bn((3, 32, 32), 10).parameters())
    9413066

    Raises:
        BadConfig: the input is no image or smaller than 2x2; an option is out of range.
    """
    one_of("vgg-13-relu-bn", "order", order, ORDERS)
    layers = [each and scaled("vgg-13-relu-bn", each, width) for each in VGG_13]
    return _chain("vgg-13-relu-bn", shape, classes, layers, order)


def conv_bn(shape: Sequence[int], classes: int, *, channels: Sequence[int] = (16, 32, POOL, 64, POOL, 64)) -> nn.Module:
    """Build 3x3 Conv-BN-ReLU in a row, the mean over what is left of the image, and a linear classifier.

    Drawn from He's normal distribution by fan-in, with biases of zero, as codes for pruning at initialisation draw
    their networks: all weights are ranked, no path is led around a layer, and synaptic flow is conserved. With the
    default channels 60,976 weights on images of three channels.

    >>> sum(each.numel() for each in conv_bn((3, 16, 16), 10).parameters() if each.dim() > 1)
    60976

    Args:
        shape: (channels, height, width).
        classes: logits.
        channels: as of `conv-chain`.

    Raises:
        BadConfig: the input is no image or smaller than 2x2; an option is out of range.
    """
    for each in channels:
        at_least("conv-bn", "channels", each, POOL)
    model = _chain("conv-bn", shape, classes, channels, "bn-relu")
    he_normal_everywhere(model)
    return model


CONV_CHAIN = Model("conv-chain", conv_chain, SOURCE, convolutions, example_options={"channels": (3, POOL, 4)})
VGG_13_RELU_BN = Model("vgg-13-relu-bn", vgg_13_relu_bn, SOURCE, convolutions, example_options={"width": 0.06})
CONV_BN = Model(
    "conv-bn",
    conv_bn,
    Source(
        "S. Ioffe, C. Szegedy",
        2015,
        "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
        "1502.03167",
        "Conv-BN-ReLU; this chain is ours",
    ),
    example_options={"channels": (3, POOL, 4)},
    initialise=reset_and(he_normal_everywhere),
)
