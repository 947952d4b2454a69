"""The untrained networks that the checks look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pruneproof.api import BadConfig, Catalog, Model

IMAGE = (3, 32, 32)
"""Shape of a CIFAR image, the default input of the checks."""


@dataclass(frozen=True)
class Network:
    """A freshly initialised module and its prunable weights, in the order of its modules."""

    module: nn.Module
    weights: Mapping[str, Tensor]
    """State-dict name -> detached weight; position p (from 1) is what papers call layer p."""

    @property
    def sizes(self) -> dict[str, int]:
        """Name -> number of weights."""
        return {name: each.numel() for name, each in self.weights.items()}

    def name(self, layer: int) -> str:
        """Return the name of a layer by its position, from 1.

        Raises:
            BadConfig: there is no such position.
        """
        if not 1 <= layer <= len(self.weights):
            raise BadConfig(
                f"layer {layer} does not exist: the network has the prunable layers 1 to {len(self.weights)}."
            )
        return list(self.weights)[layer - 1]


def build(
    catalog: Catalog,
    model: str,
    *,
    shape: Sequence[int] = IMAGE,
    classes: int = 10,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> Network:
    """Build a model by id, initialised from `seed`; torch's global generator is left as it was.

    Raises:
        UnknownName: no plugin of the paper registers such a model.
    """
    chosen = catalog.get(Model, model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = chosen.build(tuple(shape), classes, **(options or {}))
    parameters = dict(module.named_parameters())
    return Network(module, {name: parameters[name].detach() for name in chosen.prunable(module)})


def magnitudes(network: Network) -> dict[str, Tensor]:
    """Return |w| of each prunable weight."""
    return {name: weight.abs() for name, weight in network.weights.items()}


def random_inputs(count: int, shape: Sequence[int], seed: int = 0) -> Tensor:
    """Return `count` standard normal inputs of `shape`."""
    return torch.randn((count, *shape), generator=torch.Generator().manual_seed(seed))


def settle(module: nn.Module, inputs: Tensor) -> None:
    """Set the running statistics of batch normalisation to those of `inputs`, then switch to evaluation."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # the plain average over batches, here of one
    module.train()
    with torch.no_grad():
        module(inputs)
    module.eval()
