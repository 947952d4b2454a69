"""The training loops that are compared: ours, the barest that PyTorch allows, and the two passes alone."""

import torch
import torch.nn.functional as F
from networks import Network, load
from torch import nn

from pruneproof import MaskSet
from pruneproof.training.seeding import stream
from pruneproof.training.train import Course, train

PHASE = "bench"


def ours(network: Network, module: nn.Module, masks: MaskSet | None) -> None:
    """Train for some epochs as a stage does, without checkpoint and without anything that watches."""
    recipe = network.recipe
    train(module, load(network.data), recipe, Course(rate=lambda _: recipe.lr, seed=0, phase=PHASE), masks=masks)


def barest(
    network: Network, module: nn.Module, masks: MaskSet | None, samples: tuple[torch.Tensor, torch.Tensor]
) -> None:
    """Train on the same batches: no history, no checks; dead weights are set to zero after each step in one call."""
    recipe, (inputs, labels) = network.recipe, samples
    optimizer = torch.optim.SGD(
        module.parameters(), recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    weights = [module.get_parameter(name).detach() for name in masks or ()]
    alive = (
        [masks[name].float().contiguous(memory_format=_layout(name, module)) for name in masks or ()] if masks else []
    )
    module.train()
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(labels), generator=stream(0, "order", PHASE, epoch))
        for index in order.split(recipe.batch):
            optimizer.zero_grad()
            F.cross_entropy(module(inputs[index]), labels[index]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if weights:
                torch._foreach_mul_(weights, alive)


def passes(network: Network, module: nn.Module, samples: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Go forward and backward through as many batches, always the same ones, and do nothing else."""
    recipe, (inputs, labels) = network.recipe, samples
    batches = list(zip(inputs.split(recipe.batch), labels.split(recipe.batch), strict=True))
    parameters = list(module.parameters())
    module.train()
    for _ in range(recipe.epochs):
        for batch, target in batches:
            for parameter in parameters:
                parameter.grad = None
            F.cross_entropy(module(batch), target).backward()  # type: ignore[no-untyped-call]


def samples_of(network: Network) -> tuple[torch.Tensor, torch.Tensor]:
    """Return all training inputs, normalised beforehand, and their labels."""
    data = load(network.data)
    return next(data.batches("train", data.size("train")))


def _layout(name: str, module: nn.Module) -> torch.memory_format:
    weight = module.get_parameter(name)
    in_order = weight.is_contiguous() or weight.dim() != 4
    return torch.contiguous_format if in_order else torch.channels_last
