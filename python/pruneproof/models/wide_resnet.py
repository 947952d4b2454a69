"""Wide residual networks for CIFAR."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from pruneproof.api import BadConfig, Model, Source
from pruneproof.models.arguments import at_least, fraction, image_shape
from pruneproof.models.init import he_normal, reset_and

SOURCE = Source("S. Zagoruyko, N. Komodakis", 2016, "Wide residual networks", "1605.07146", "table 1")


class Block(nn.Module):
    """Pre-activation block BN-ReLU-conv-BN-ReLU-dropout-conv, to which a shortcut is added.

    The shortcut is the identity or, where the widths differ, a 1x1 convolution of the activated input relu(bn1(x)).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.shortcut = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, h, w) to (batch, outputs, h / stride, w / stride)."""
        activated = F.relu(self.bn1(x))
        skipped: Tensor = x if self.shortcut is None else self.shortcut(activated)
        out = self.dropout(F.relu(self.bn2(self.conv1(activated))))
        residual: Tensor = self.conv2(out)
        return skipped + residual


def _he_normal(model: nn.Module) -> None:
    he_normal(model, "fan_out")
    nn.init.zeros_(model.get_parameter("classifier.bias"))


class WideResNet(nn.Module):
    """A 3x3 convolution to 16 channels, three groups with 16, 32, 64 times `width` channels, and a classifier."""

    def __init__(self, channels: int, classes: int, blocks: int, width: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        groups = []
        inputs = 16
        for outputs, stride in ((16 * width, 1), (32 * width, 2), (64 * width, 2)):
            first = Block(inputs, outputs, stride, dropout)
            rest = [Block(outputs, outputs, 1, dropout) for _ in range(blocks - 1)]
            groups.append(nn.Sequential(first, *rest))
            inputs = outputs
        self.groups = nn.Sequential(*groups)
        self.bn = nn.BatchNorm2d(inputs)
        self.classifier = nn.Linear(inputs, classes)
        _he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, h, w) to logits (batch, classes)."""
        features = F.relu(self.bn(self.groups(self.conv1(x))))
        logits: Tensor = self.classifier(features.mean((2, 3)))
        return logits


def wrn(shape: Sequence[int], classes: int, *, depth: int = 28, width: int = 10, dropout: float = 0.0) -> nn.Module:
    """Build WRN-`depth`-`width` for small images; `depth` is 6n + 4, `width` the widening factor.

    `dropout` is the probability of zeroing an activation between the two convolutions of a block, in [0, 1).
    Convolutions are drawn from N(0, sqrt(2 / (k²·c_out))); the classifier as PyTorch does, with a bias of zero.

    >>> sum(each.numel() for each in wrn((3, 32, 32), 10, depth=16, width=1).parameters() if each.dim() > 1)
    174128

    Raises:
        BadConfig: the input is no image or smaller than 4x4; an option is out of range.
    """
    channels, _, _ = image_shape("wrn", shape, smallest=4)
    if at_least("wrn", "depth", depth, 10) % 6 != 4:
        raise BadConfig(f'model "wrn" has depth = {depth}; 6n + 4 (10, 16, 22, 28, 34, 40, ...) was expected.')
    at_least("wrn", "width", width, 1)
    fraction("wrn", "dropout", dropout)
    return WideResNet(channels, classes, (depth - 4) // 6, width, dropout)


def _named(depth: int, width: int) -> Model:
    def build(shape: Sequence[int], classes: int, *, dropout: float = 0.0) -> nn.Module:
        """Build `wrn` of this model's depth and width."""
        return wrn(shape, classes, depth=depth, width=width, dropout=dropout)

    return Model(f"wrn-{depth}-{width}", build, SOURCE, initialise=reset_and(_he_normal))


WRNS = (
    Model("wrn", wrn, SOURCE, example_options={"depth": 10, "width": 1}, initialise=reset_and(_he_normal)),
    *(_named(depth, width) for depth, width in ((16, 8), (22, 8), (28, 8), (28, 10))),
)
