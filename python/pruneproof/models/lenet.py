"""LeNet-5 in the variant that ships with Caffe, the one that the pruning literature means."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from pruneproof.api import Model, Source
from pruneproof.models.arguments import image_shape

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


LENET_5 = Model("lenet-5", lenet_5, SOURCE)
