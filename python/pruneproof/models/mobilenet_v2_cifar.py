"""MobileNet-V2 in its widespread CIFAR variant, whose blocks may have convolutions as shortcuts."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from pruneproof.api import Model, Source
from pruneproof.models.arguments import image_shape, one_of, scaled

SOURCE = Source(
    "M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen",
    2018,
    "MobileNetV2: inverted residuals and linear bottlenecks",
    "1801.04381",
    "table 2, in the variant of kuangliu/pytorch-cifar",
)
STAGES = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Of each stage: expansion, output channels, blocks, stride of the first block (1, not 2, in the second stage)."""


class Block(nn.Module):
    """Inverted residual: 1x1 expand, 3x3 depthwise, linear 1x1 project; with stride 1 a shortcut is added.

    Where stride is 1 and the channels change, the shortcut is a 1x1 convolution with batch normalisation if
    `convolve_shortcut`, and there is none otherwise.
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, convolve_shortcut: bool) -> None:
        super().__init__()
        hidden = expansion * inputs
        self.expand = nn.Conv2d(inputs, hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, stride, padding=1, groups=hidden, bias=False)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.project = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module | None = None
        if stride == 1 and inputs == outputs:
            self.shortcut = nn.Identity()
        elif stride == 1 and convolve_shortcut:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, h, w) to (batch, outputs, h / stride, w / stride)."""
        out = F.relu(self.bn1(self.expand(x)))
        out = F.relu(self.bn2(self.depthwise(out)))
        projected: Tensor = self.bn3(self.project(out))
        return projected if self.shortcut is None else projected + self.shortcut(x)


class MobileNetV2(nn.Module):
    """A 3x3 convolution, the blocks of `STAGES`, a 1x1 convolution (`head`) and a classifier on averaged features."""

    def __init__(self, name: str, channels: int, classes: int, width: float, convolve_shortcut: bool) -> None:
        super().__init__()
        inputs = scaled(name, 32, width)
        self.conv1 = nn.Conv2d(channels, inputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        blocks = []
        for expansion, unscaled, count, first_stride in STAGES:
            outputs = scaled(name, unscaled, width)
            for stride in [first_stride] + [1] * (count - 1):
                blocks.append(Block(inputs, outputs, expansion, stride, convolve_shortcut))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        features = scaled(name, 1280, width)
        self.head = nn.Conv2d(inputs, features, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(features)
        self.classifier = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, h, w) to logits (batch, classes)."""
        out = self.blocks(F.relu(self.bn1(self.conv1(x))))
        out = F.relu(self.bn2(self.head(out)))
        logits: Tensor = self.classifier(out.mean((2, 3)))
        return logits


def mobilenet_v2_cifar(shape: Sequence[int], classes: int, *, width: float = 1.0, shortcut: str = "conv") -> nn.Module:
    """Build MobileNet-V2 for small images, initialised as PyTorch does.

    58 prunable tensors and 2,261,824 weights for 10 classes. It divides the side by 8. `width` multiplies all channels.
    `shortcut` = "conv" puts a 1x1 convolution beside every block of stride 1 that changes the channels (four of them,
    with 512, 384, 6,144 and 51,200 weights); "identity" leaves these out, as the paper does: a control of 54 tensors.

    Deviations from the paper, all of the CIFAR variant: the convolution shortcuts, strides 1 in the first convolution
    and the second stage, an expanding convolution also where the expansion is 1, ReLU for ReLU6, no dropout.

    >>> sum(each.numel() for each in mobilenet_v2_cifar((3, 32, 32), 10).parameters() if each.dim() > 1)
    2261824

    Raises:
        BadConfig: the input is no image or smaller than 8x8; an option is out of range.
    """
    name = "mobilenet-v2-cifar"
    channels, _, _ = image_shape(name, shape, smallest=8)
    one_of(name, "shortcut", shortcut, ("conv", "identity"))
    return MobileNetV2(name, channels, classes, width, shortcut == "conv")


MOBILENET_V2_CIFAR = Model("mobilenet-v2-cifar", mobilenet_v2_cifar, SOURCE, example_options={"width": 0.125})
