"""What is trained: networks on digits, and on noise of the shape of MNIST and of images of 16x16 pixels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import nn

from pruneproof import MaskSet, select
from pruneproof.contracts.model import Model
from pruneproof.contracts.recipe import Recipe
from pruneproof.data.digits import load_digits
from pruneproof.data.in_memory import InMemory, images
from pruneproof.pipeline.network import lay_out
from pruneproof.registry.catalog import build_catalog

SPARSITY = 0.9
DIGITS, MNIST, HALF_SIZE = "digits", "MNIST's shape", "16x16"
_NOISE = {MNIST: ((1, 28, 28), 1_024), HALF_SIZE: ((3, 16, 16), 512)}


@dataclass(frozen=True)
class Network:
    """A registered model, what it is trained on, and for how many epochs at a time."""

    model: str
    data: str
    batch: int
    epochs: int
    """Of one timing: a few tenths of a second."""
    options: Mapping[str, Any] = field(default_factory=dict)
    target: float | None = None
    """The most that a masked training may take, in trainings by the barest loop; None where nothing is asked."""

    @property
    def name(self) -> str:
        """Return model and data for a table."""
        return f"{self.model}{'-'.join(['', *map(str, self.options.values())])}, {self.data}"

    @property
    def recipe(self) -> Recipe:
        """Return SGD with momentum and weight decay, at a rate that lets nothing diverge."""
        return Recipe(epochs=self.epochs, batch=self.batch, lr=0.01, momentum=0.9, weight_decay=5e-4)

    def made(self) -> tuple[nn.Module, list[str]]:
        """Return the network as a stage builds it, the same every time, and the names of its prunable weights."""
        entry, data = catalog().entry(Model, self.model), load(self.data)
        torch.manual_seed(0)
        module = entry.value.build(data.shape, data.classes, **self.options)
        return lay_out(module), entry.value.prunable(module)

    def masks(self) -> MaskSet:
        """Return masks of nine tenths of the weights, by magnitude."""
        module, names = self.made()
        return select({name: module.get_parameter(name).detach() for name in names}, sparsity=SPARSITY)


NETWORKS = (
    Network("lenet-300-100", DIGITS, batch=64, epochs=5, target=1.1),
    Network("lenet-300-100", MNIST, batch=64, epochs=3, target=1.1),
    Network("vgg-11", DIGITS, batch=64, epochs=2, options={"width": 0.125}, target=1.1),
    Network("mobilenet-v2-cifar", DIGITS, batch=32, epochs=1, options={"width": 0.25}, target=1.1),
    Network("resnet-20", HALF_SIZE, batch=64, epochs=1, target=1.1),
    Network("wrn", HALF_SIZE, batch=64, epochs=1, options={"depth": 16, "width": 1}, target=1.1),
)


@cache
def catalog() -> Any:
    """Return what is built in."""
    return build_catalog(["builtin"])


@cache
def load(name: str) -> InMemory:
    """Return data by name; what a step costs does not depend on the pixels, so most are noise."""
    if name == DIGITS:
        return load_digits(None)  # type: ignore[arg-type]
    shape, samples = _NOISE[name]
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (samples, *shape), dtype=torch.uint8, generator=draw)
    labels = torch.randint(0, 10, (samples,), generator=draw)
    return images({"train": (pixels, labels), "test": (pixels, labels)}, classes=10, fingerprint=name)
