"""ResNet-18 with pre-activation for CIFAR, and a normalised convolution as classifier."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from pruneproof.api import Model, Source
from pruneproof.models.arguments import at_least, image_shape
from pruneproof.models.init import he_normal_everywhere, reset_and

SOURCE = Source(
    "K. He, X. Zhang, S. Ren, J. Sun",
    2016,
    "Identity mappings in deep residual networks",
    "1603.05027",
    "full pre-activation, in the CIFAR form of Laurent et al. (2020), arXiv 2006.12279, authors' code",
)


class PreActivated(nn.Module):
    """x + F(x), where F is twice BatchNorm, ReLU and a 3x3 convolution.

    Where the shape changes, a 1x1 convolution of the first activation takes the place of x.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        changes = stride != 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, h, w) to (batch, outputs, h / stride, w / stride)."""
        active = F.relu(self.bn1(x))
        skipped = x if self.shortcut is None else self.shortcut(active)
        added: Tensor = self.conv2(F.relu(self.bn2(self.conv1(active)))) + skipped
        return added


class PreActResNet(nn.Module):
    """A 3x3 convolution, four stages of two blocks with 1, 2, 4, 8 times `width` channels, a normalised classifier."""

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        stages = []
        inputs = width
        for outputs, stride in ((width, 1), (2 * width, 2), (4 * width, 2), (8 * width, 2)):
            stages.append(nn.Sequential(PreActivated(inputs, outputs, stride), PreActivated(outputs, outputs, 1)))
            inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.bn = nn.BatchNorm2d(inputs)
        self.classifier = nn.Conv2d(inputs, classes, 1, bias=False)
        self.bn_logits = nn.BatchNorm2d(classes)
        he_normal_everywhere(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, h, w) to logits (batch, classes)."""
        features = F.relu(self.bn(self.stages(self.conv1(x))))
        logits: Tensor = self.bn_logits(self.classifier(features.mean((2, 3), keepdim=True)))
        return logits.flatten(1)


def preact_resnet_18(shape: Sequence[int], classes: int, *, width: int = 64) -> nn.Module:
    """Build ResNet-18 with pre-activation for small images; a 1x1 convolution classifies, its logits are normalised.

    The network in the code of Laurent et al. (2020), arXiv 2006.12279: stages of 64, 128, 256 and 512 channels,
    shortcuts by 1x1 convolutions without normalisation, global average pooling, no bias anywhere. For ten classes
    11,164,352 weights and 7,828 parameters of normalisation. `width` is the number of channels of the first stage.

    Deviation: the average is over the whole map, of any size; the code pools by 4, which is the whole map of a 32x32
    image.

    >>> model = preact_resnet_18((3, 32, 32), 10, width=8)
    >>> model.stages[1][0].shortcut.weight.shape
    torch.Size([16, 8, 1, 1])

    Raises:
        BadConfig: the input is no image or smaller than 8x8; the width is below 1.
    """
    channels, _, _ = image_shape("preact-resnet-18", shape, smallest=8)
    return PreActResNet(channels, classes, at_least("preact-resnet-18", "width", width, 1))


PREACT_RESNET_18 = Model(
    "preact-resnet-18",
    preact_resnet_18,
    SOURCE,
    example_options={"width": 4},
    initialise=reset_and(he_normal_everywhere),
)
