"""LeNet-5: the variant that ships with Caffe, which the pruning literature mostly means, and the widths of 1998."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from pruneproof.api import BadConfig, Model, Source
from pruneproof.models.arguments import at_least, image_shape, one_of

SOURCE = Source(
    "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner",
    1998,
    "Gradient-based learning applied to document recognition",
    equation="in the variant of the Caffe examples",
)


def lenet_5(shape: Sequence[int], classes: int) -> nn.Module:
    """Build LeNet-5 (Caffe): 5x5 convolutions of 20 and 50 channels, each max-pooled by 2, and two linear layers.

    On 28x28 inputs the weights count 500, 25,000, 400,000 and 5,000; with biases 431,080 parameters. The convolutions
    are unpadded where the input is at least 16x16; smaller inputs would vanish, so there both are padded by 2 (keeping
    the side) and the same four tensors result, the third one smaller.

    Deviation: a ReLU follows each convolution too, as in the pruning literature; Caffe has one only after the layer of
    500.

    >>> [weight.numel() for weight in lenet_5((1, 28, 28), 10).parameters() if weight.dim() > 1]
    [500, 25000, 400000, 5000]
    >>> [weight.numel() for weight in lenet_5((1, 8, 8), 10).parameters() if weight.dim() > 1]
    [500, 25000, 100000, 5000]

    Raises:
        BadConfig: the input is no image or smaller than 4x4.
    """
    channels, height, width = image_shape("lenet-5", shape, smallest=4)
    padding = 0 if min(height, width) >= 16 else 2

    def side_after(side: int) -> int:
        for _ in range(2):
            side = (side - 4 + 2 * padding) // 2
        return side

    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv1=nn.Conv2d(channels, 20, 5, padding=padding),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, 5, padding=padding),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc=nn.Linear(50 * side_after(height) * side_after(width), 500),
            relu3=nn.ReLU(),
            classifier=nn.Linear(500, classes),
        )
    )


def lenet_5_1998(
    shape: Sequence[int],
    classes: int,
    *,
    widths: Sequence[int] = (6, 16, 120, 84),
    activation: str = "relu",
) -> nn.Module:
    """Build LeNet-5 for 32x32 inputs: three unpadded 5x5 convolutions, the first two max-pooled, and two layers.

    The network of the codes for arXiv 2207.12534 (TPP) and 2412.00143, which train it on MNIST at 32x32: 61,470 weights
    and 236 biases. `widths` are the channels of the convolutions and the units of the hidden layer; "LeNet5-Mini" of
    the second is (10, 10, 10, 10). Larger inputs leave larger maps for the hidden layer; smaller ones would vanish, so
    there all convolutions are padded by 2.

    Deviation from LeCun et al. (1998): ReLU (or nothing, with `activation = "linear"`) in place of the scaled tanh,
    max-pooling in place of trained subsampling, all maps connected, and a plain linear classifier.

    >>> [weight.numel() for weight in lenet_5_1998((1, 32, 32), 10).parameters() if weight.dim() > 1]
    [150, 2400, 48000, 10080, 840]

    Raises:
        BadConfig: the input is no image or smaller than 4x4, not four widths of at least 1, or another activation.
    """
    name = "lenet-5-1998"
    channels, height, width = image_shape(name, shape, smallest=4)
    if len(widths) != 4:
        raise BadConfig(
            f'model "{name}" has widths = {list(widths)}; four numbers were expected: three convolutions, hidden layer.'
        )
    one, two, three, hidden = (at_least(name, "widths", each, 1) for each in widths)
    straight = one_of(name, "activation", activation, ("relu", "linear")) == "linear"
    padding = 0 if min(height, width) >= 32 else 2

    def act() -> nn.Module:
        return nn.Identity() if straight else nn.ReLU()

    def side_after(side: int) -> int:
        loss = 4 - 2 * padding
        return ((side - loss) // 2 - loss) // 2 - loss

    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv1=nn.Conv2d(channels, one, 5, padding=padding),
            act1=act(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(one, two, 5, padding=padding),
            act2=act(),
            pool2=nn.MaxPool2d(2),
            conv3=nn.Conv2d(two, three, 5, padding=padding),
            act3=act(),
            flatten=nn.Flatten(),
            fc=nn.Linear(three * side_after(height) * side_after(width), hidden),
            act4=act(),
            classifier=nn.Linear(hidden, classes),
        )
    )


LENET_5 = Model("lenet-5", lenet_5, SOURCE)
LENET_5_1998 = Model(
    "lenet-5-1998",
    lenet_5_1998,
    replace(SOURCE, equation="figure 2, with ReLU and max-pooling as in the code of arXiv 2207.12534"),
    example_shape=(1, 32, 32),
    example_options={"widths": (4, 4, 4, 4)},
)
