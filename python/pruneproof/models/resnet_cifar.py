"""The thin residual networks for CIFAR: ResNet-8, -14, -20, -32 and -56."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from pruneproof.api import Model, Source
from pruneproof.models.arguments import at_least, image_shape, one_of
from pruneproof.models.init import he_normal, reset_and

SOURCE = Source(
    "K. He, X. Zhang, S. Ren, J. Sun", 2016, "Deep residual learning for image recognition", "1512.03385", "section 4.2"
)


class SubsampledIdentity(nn.Module):
    """Option A: every `stride`-th pixel of the input, with zero channels appended; no parameters."""

    def __init__(self, added: int, stride: int) -> None:
        super().__init__()
        self.added, self.stride = added, stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c, h, w) to (batch, c + added, ceil(h / stride), ceil(w / stride))."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))


class Block(nn.Module):
    """relu(F(x) + shortcut(x)) with F two 3x3 convolutions, each followed by batch normalisation."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module
        if inputs == outputs:
            self.shortcut = nn.Identity()
        elif shortcut == "A":
            self.shortcut = SubsampledIdentity(outputs - inputs, stride)
        else:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, h, w) to (batch, outputs, h / stride, w / stride)."""
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet(nn.Module):
    """A 3x3 convolution, three stages of `blocks` blocks with 1, 2, 4 times `width` channels, and a classifier."""

    def __init__(self, channels: int, classes: int, blocks: int, width: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        stages = []
        inputs = width
        for outputs, stride in ((width, 1), (2 * width, 2), (4 * width, 2)):
            first = Block(inputs, outputs, stride, shortcut)
            rest = [Block(outputs, outputs, 1, shortcut) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(first, *rest))
            inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.classifier = nn.Linear(inputs, classes)
        he_normal(self, "fan_in")

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, h, w) to logits (batch, classes)."""
        features = self.stages(F.relu(self.bn1(self.conv1(x))))
        logits: Tensor = self.classifier(features.mean((2, 3)))
        return logits


INITIALISE = reset_and(lambda model: he_normal(model, "fan_in"))


def _named(depth: int) -> Model:
    name = f"resnet-{depth}"

    def build(shape: Sequence[int], classes: int, *, width: int = 16, shortcut: str = "A") -> nn.Module:
        """Build the ResNet of 6n + 2 layers for small images.

        `width` is the number of channels of the first stage; `shortcut` is what skips a block that changes the width:
        "A", a subsampled identity padded with zero channels and free of parameters, as in the paper; or "B", a 1x1
        convolution with batch normalisation. Convolutions are drawn from He's normal distribution by fan-in, the
        classifier as PyTorch does.

        Raises:
            BadConfig: the input is no image or smaller than 4x4; an option is out of range.
        """
        channels, _, _ = image_shape(name, shape, smallest=4)
        one_of(name, "shortcut", shortcut, ("A", "B"))
        return ResNet(channels, classes, (depth - 2) // 6, at_least(name, "width", width, 1), shortcut)

    return Model(name, build, SOURCE, example_options={"width": 4}, initialise=INITIALISE)


RESNETS = tuple(_named(depth) for depth in (8, 14, 20, 32, 56))
