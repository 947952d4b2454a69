"""A stage's network: built anew, with the weights, the mask and the shape that earlier stages made."""

from dataclasses import dataclass

import torch
from torch import nn

from pruneproof.contracts.dataset import LoadedData
from pruneproof.contracts.model import Model
from pruneproof.pipeline.shapes import initialise
from pruneproof.pipeline.upstream import load_masks, load_shape, load_weights
from pruneproof.pipeline.worker import Task
from pruneproof.registry.catalog import blame_plugin
from pruneproof.training.seeding import seeded, stream_seed
from pruneproof.values.masks import MaskSet


@dataclass(frozen=True)
class Network:
    """A module and its prunable weights."""

    module: nn.Module
    prunable: list[str]
    """State-dict names, in the order of the network."""
    data: LoadedData
    masks: MaskSet | None
    """None where all weights are alive."""

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the prunable weights, without gradients; they share memory with the module."""
        state = self.module.state_dict()
        return {name: state[name].detach() for name in self.prunable}

    def alive(self) -> dict[str, torch.Tensor]:
        """Return the mask of each prunable weight, on its device; all true where there is none."""
        return {
            name: torch.ones_like(weight, dtype=torch.bool)
            if self.masks is None or name not in self.masks
            else self.masks[name].to(weight.device)
            for name, weight in self.weights().items()
        }


def build(task: Task, *, again: str = "", fresh: bool = True) -> tuple[nn.Module, list[str], LoadedData]:
    """Build the network as its seed initialises it, and name its prunable weights.

    Args:
        task: whose inputs say model, data and seed, and whose upstream may say a shape.
        again: names another draw of the same network, for transforms that initialise anew.
        fresh: whether a network of another shape than the model's own is initialised too; weights that are loaded
            replace them anyway.
    """
    data = task.data()
    entry = task.catalog.entry(Model, task.inputs["model"]["id"])
    more = [again] if again else []
    with blame_plugin(entry), seeded(stream_seed(task.inputs["seed"], "init", *more)):
        module = entry.value.build(data.shape, data.classes, **task.inputs["model"]["options"])
        prunable = entry.value.prunable(module)
        if "shape" in task.upstream:
            load_shape(task.upstream["shape"], module)
            if fresh:
                initialise(module, entry.value)
    return module, prunable, data


def open_network(task: Task, role: str = "weights", mask: str = "mask") -> Network:
    """Rebuild the network with the upstream weights, dead ones zero, on its device."""
    module, prunable, data = build(task, fresh=False)
    load_weights(task.upstream[role], module)
    module = lay_out(module.to(task.inputs["device"]))
    masks = load_masks(task.upstream[mask], module) if mask in task.upstream else None
    if masks is not None:
        masks.apply_(module)
    return Network(module, prunable, data, masks)


def lay_out(module: nn.Module) -> nn.Module:
    """Put the channels of a network last in memory, where that is safe, and return it."""
    if not any(_overruns(part) for part in module.modules()):
        module.to(memory_format=torch.channels_last)  # faster convolutions, most of all depthwise ones on a CPU
    return module


def _overruns(part: nn.Module) -> bool:
    """Say whether the gradient of a convolution could write beyond its buffer on a CPU if channels came last.

    oneDNN's kernel for 1x1 convolutions with a stride does where it reads fewer channels than a vector holds, 8 or 16:
    https://github.com/uxlfoundation/oneDNN/issues/6035.
    """
    if not isinstance(part, nn.Conv2d) or part.groups > 1:
        return False
    return part.kernel_size == (1, 1) and part.stride != (1, 1) and part.in_channels < 16
