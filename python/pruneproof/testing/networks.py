"""Small real networks from one-line descriptions: what hypothesis draws, shrinks and prints."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from pruneproof.api import conv_and_linear
from pruneproof.training.seeding import seeded

Kind = Literal["mlp", "conv", "residual", "depthwise", "recurrent", "tied"]
Fill = Literal["normal", "ties", "zeros", "dead-unit", "blank", "wide"]
KINDS: tuple[Kind, ...] = ("mlp", "conv", "residual", "depthwise", "recurrent", "tied")
FILLS: tuple[Fill, ...] = ("normal", "ties", "zeros", "dead-unit", "blank", "wide")
CLASSES = 2

Axis = tuple[str, int]
"""A tensor by state-dict name, and one of its axes."""


class Readable:
    """Prints as a call with the fields that differ from their defaults."""

    def __repr__(self) -> str:
        told = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)  # type: ignore[arg-type]
            if getattr(self, each.name) != each.default
        ]
        return f"{type(self).__name__}({', '.join(told)})"


@dataclass(frozen=True, repr=False)
class Network(Readable):
    """A small network in words; `build` makes it.

    >>> Network(kind="conv", width=3)
    Network(kind='conv', width=3)
    >>> [tuple(weight.shape) for weight in Network(width=1, features=1).build().parameters()]
    [(1, 1), (1,), (2, 1), (2,)]
    """

    kind: Kind = "mlp"
    width: int = 2
    """Hidden units, or channels, per layer."""
    depth: int = 1
    """Hidden layers; the kinds `residual`, `depthwise`, `recurrent` and `tied` have as many as they need."""
    features: int = 2
    """Input features or channels."""
    fill: Fill = "normal"
    """The weights: drawn from N(0, 1), of four values (ties), half zero, one hidden unit zero, all zero, or spread over
    36 powers of two."""
    bias: bool = True
    """Without, there are no biases, and BatchNorm's mean and shift are zero, as at initialisation."""
    seed: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input."""
        return {"recurrent": (3, self.features), "mlp": (self.features,), "tied": (self.features,)}.get(
            self.kind, (self.features, 3, 3)
        )

    def build(self, dtype: torch.dtype = torch.float64) -> nn.Module:
        """Make the network, filled from `seed`, in train mode; the global generators stay where they are."""
        with seeded(0):
            model = _BUILDERS[self.kind](self).to(dtype)
        generator = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(_filled(parameter, self.fill, generator))
                if not self.bias and ".norm" in f".{name}" and name.endswith("bias"):
                    parameter.zero_()
            for name, buffer in model.named_buffers():
                if name.endswith("running_var"):
                    buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
                elif name.endswith("running_mean") and self.bias:
                    buffer.copy_(0.1 * torch.randn(buffer.shape, generator=generator))
            if self.fill == "dead-unit":
                parameters = dict(model.named_parameters())
                for name in {name for name, axis in self.units()[0] if axis == 0} & parameters.keys():
                    parameters[name][0] = 0.0
        return model

    def prunable(self, model: nn.Module) -> list[str]:
        """Return the names of the weight matrices and kernels of `model`."""
        if self.kind == "recurrent":  # its matrices are bare parameters
            return [name for name, each in model.named_parameters() if each.dim() == 2]
        return conv_and_linear(model)

    def units(self) -> list[list[Axis]]:
        """Return, for each layer of hidden units, the axes that run over them: 0 comes in, 1 goes out."""
        groups = _UNITS[self.kind](self.depth)
        there = {*self._names()}
        return [[(name, axis) for name, axis in group if name in there] for group in groups]

    def _names(self) -> list[str]:
        with torch.device("meta"):
            model = _BUILDERS[self.kind](self)
        return [name for name, each in [*model.named_parameters(), *model.named_buffers()] if each.dim()]


def _filled(parameter: Tensor, fill: Fill, generator: torch.Generator) -> Tensor:
    shape = parameter.shape
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    if fill == "ties":
        return torch.tensor([-1.0, -0.5, 0.5, 1.0])[torch.randint(4, shape, generator=generator)]
    if fill == "zeros":
        return normal * torch.randint(2, shape, generator=generator)
    if fill == "blank":
        return torch.zeros(shape)
    if fill == "wide":
        return normal.sign() * 2.0 ** torch.randint(-30, 6, shape, generator=generator)
    return normal


class Mlp(nn.Module):
    """Linear layers with ReLU between."""

    def __init__(self, features: int, width: int, depth: int, bias: bool) -> None:
        super().__init__()
        sides = [features, *[width] * depth]
        self.hidden = nn.ModuleList(nn.Linear(before, after, bias=bias) for before, after in pairwise(sides))
        self.classifier = nn.Linear(width, CLASSES, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, features) to logits."""
        for layer in self.hidden:
            x = layer(x).relu()
        logits: Tensor = self.classifier(x)
        return logits


class Conv(nn.Module):
    """Convolutions with BatchNorm and ReLU, the mean over all positions, a linear classifier."""

    def __init__(self, features: int, width: int, depth: int, bias: bool) -> None:
        super().__init__()
        sides = [features, *[width] * depth]
        self.convs = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1, bias=bias) for before, after in pairwise(sides)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(depth))
        self.classifier = nn.Linear(width, CLASSES, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, features, 3, 3) to logits."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = norm(conv(x)).relu()
        logits: Tensor = self.classifier(x.mean((2, 3)))
        return logits


class Residual(nn.Module):
    """A convolution, one residual block with BatchNorm, a linear classifier."""

    def __init__(self, features: int, width: int, bias: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(features, width, 1, bias=bias)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.norm2 = nn.BatchNorm2d(width)
        self.classifier = nn.Linear(width, CLASSES, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, features, 3, 3) to logits."""
        stream = self.stem(x)
        inner = self.norm1(self.conv1(stream)).relu()
        logits: Tensor = self.classifier((stream + self.norm2(self.conv2(inner))).relu().mean((2, 3)))
        return logits


class Depthwise(nn.Module):
    """A convolution, a depthwise and a pointwise one, a linear classifier."""

    def __init__(self, features: int, width: int, bias: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(features, width, 1, bias=bias)
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=bias)
        self.norm1 = nn.BatchNorm2d(width)
        self.pointwise = nn.Conv2d(width, width, 1, bias=bias)
        self.norm2 = nn.BatchNorm2d(width)
        self.classifier = nn.Linear(width, CLASSES, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, features, 3, 3) to logits."""
        x = self.norm1(self.depthwise(self.stem(x).relu())).relu()
        logits: Tensor = self.classifier(self.norm2(self.pointwise(x)).relu().mean((2, 3)))
        return logits


class Recurrent(nn.Module):
    """h_t = relu(W x_t + U h_(t-1) + b) with bare matrices W and U, and a linear classifier on the last state."""

    def __init__(self, features: int, width: int, bias: bool) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.zeros(width, features))
        self.U = nn.Parameter(torch.zeros(width, width))
        self.b = nn.Parameter(torch.zeros(width)) if bias else None
        self.classifier = nn.Linear(width, CLASSES, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, steps, features) to logits."""
        state = x.new_zeros(x.shape[0], len(self.U))
        for now in x.unbind(1):
            state = nn.functional.linear(now, self.W, self.b) + state @ self.U.T
            state = state.relu()
        logits: Tensor = self.classifier(state)
        return logits


class Tied(nn.Module):
    """Two hidden layers that share one weight; its name is that of the first."""

    def __init__(self, features: int, width: int, bias: bool) -> None:
        super().__init__()
        self.stem = nn.Linear(features, width, bias=bias)
        self.first = nn.Linear(width, width, bias=False)
        self.second = nn.Linear(width, width, bias=False)
        self.second.weight = self.first.weight
        self.classifier = nn.Linear(width, CLASSES, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, features) to logits."""
        x = self.first(self.stem(x).relu()).relu()
        logits: Tensor = self.classifier(self.second(x).relu())
        return logits


_BUILDERS: dict[Kind, Callable[[Network], nn.Module]] = {
    "mlp": lambda each: Mlp(each.features, each.width, each.depth, each.bias),
    "conv": lambda each: Conv(each.features, each.width, each.depth, each.bias),
    "residual": lambda each: Residual(each.features, each.width, each.bias),
    "depthwise": lambda each: Depthwise(each.features, each.width, each.bias),
    "recurrent": lambda each: Recurrent(each.features, each.width, each.bias),
    "tied": lambda each: Tied(each.features, each.width, each.bias),
}


def _incoming(*layers: str) -> list[Axis]:
    """Axis 0 of all that a layer, or a BatchNorm, has."""
    return [(f"{layer}.{part}", 0) for layer in layers for part in ("weight", "bias", "running_mean", "running_var")]


def _chain(layers: Sequence[str], norms: Sequence[str]) -> list[list[Axis]]:
    outgoing = [*layers[1:], "classifier"]
    return [
        [*_incoming(layer, *norm), (f"{after}.weight", 1)]
        for layer, norm, after in zip(layers, [[each] for each in norms] or [[]] * len(layers), outgoing, strict=True)
    ]


_UNITS: dict[Kind, Callable[[int], list[list[Axis]]]] = {
    "mlp": lambda depth: _chain([f"hidden.{layer}" for layer in range(depth)], []),
    "conv": lambda depth: _chain(
        [f"convs.{layer}" for layer in range(depth)], [f"norms.{layer}" for layer in range(depth)]
    ),
    "residual": lambda _: [
        [*_incoming("conv1", "norm1"), ("conv2.weight", 1)],
        [*_incoming("stem", "conv2", "norm2"), ("conv1.weight", 1), ("classifier.weight", 1)],
    ],
    "depthwise": lambda _: [
        [*_incoming("stem", "depthwise", "norm1"), ("pointwise.weight", 1)],
        [*_incoming("pointwise", "norm2"), ("classifier.weight", 1)],
    ],
    "recurrent": lambda _: [[("W", 0), ("U", 0), ("b", 0), ("U", 1), ("classifier.weight", 1)]],
    "tied": lambda _: [[*_incoming("stem", "first"), ("first.weight", 1), ("classifier.weight", 1)]],
}
