"""`Model`: an architecture by name, and which of its tensors can be pruned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pruneproof.contracts.functions import options
from pruneproof.contracts.source import Source

if TYPE_CHECKING:  # the command line's start-up does without torch
    from torch import nn


def conv_and_linear(module: nn.Module) -> list[str]:
    """Return the names of the weights of all convolutions and linear layers, in `named_modules` order.

    A weight that several layers share goes by the name of the first.

    This is the prunable set of Global MP, LAMP and most of the literature: first convolution, shortcuts and classifier
    included; biases and normalisation layers not.

    >>> from torch import nn
    >>> conv_and_linear(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)))
    ['0.weight', '2.weight']
    """
    from torch import nn

    names: dict[int, str] = {}
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
            names.setdefault(id(part.weight), f"{name}.weight" if name else "weight")
    return list(names.values())


@dataclass(frozen=True)
class Model:
    """A named architecture.

    `build(shape, classes, **options)` returns a freshly initialised plain module for inputs of `shape` (channels,
    height, width; or steps, features for sequences) that returns logits of shape (batch, classes). All randomness
    comes from torch's global generator, which the caller seeds.
    """

    id: str
    build: Callable[..., nn.Module]
    source: Source
    prunable: Callable[[nn.Module], list[str]] = conv_and_linear
    example_shape: tuple[int, ...] = (1, 8, 8)
    """Shape of the inputs with which the conformance kit builds it."""
    example_options: Mapping[str, Any] = field(default_factory=dict)
    """Options with which the conformance kit builds it: the smallest network that shows what it is."""
    initialise: Callable[[nn.Module], None] | None = None
    """Draws all parameters of such a network anew in place, by the shapes that they have, from torch's global
    generator: for a network that was shrunk. None: `reset_parameters` of each part is what `build` does."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this model cannot obey it. Obeying it all the same is a failure too."""

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default (keyword-only parameters of `build`)."""
        return options(self.build)
