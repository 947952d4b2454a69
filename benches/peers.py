"""The same selection by other means: as people write it with NumPy and torch, and torch's own pruning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import prune

Tensors = Mapping[str, torch.Tensor]
Kept = NDArray[np.bool_]


def numpy_partition(tensors: Tensors, keep: int) -> Kept:
    """Concatenate, partition and compare; ties with the boundary all stay."""
    scores = np.abs(np.concatenate([tensor.numpy().reshape(-1) for tensor in tensors.values()]))
    place = scores.size - keep
    return scores >= np.partition(scores, place)[place]


def torch_topk(tensors: Tensors, keep: int) -> Kept:
    """Concatenate, and mark the places of the largest."""
    scores = torch.cat([tensor.reshape(-1) for tensor in tensors.values()]).abs_()
    kept = torch.zeros(scores.numel(), dtype=torch.bool)
    kept[torch.topk(scores, keep, sorted=False).indices] = True
    return kept.numpy()


def torch_kthvalue(tensors: Tensors, keep: int) -> Kept:
    """Concatenate, find the boundary and compare; ties with the boundary all stay."""
    scores = torch.cat([tensor.reshape(-1) for tensor in tensors.values()]).abs_()
    return (scores >= torch.kthvalue(scores, scores.numel() - keep + 1).values).numpy()


def global_unstructured(tensors: Tensors, keep: int) -> Kept:
    """Let torch prune modules that hold the tensors."""
    modules = [torch.nn.Module() for _ in tensors]
    for module, tensor in zip(modules, tensors.values(), strict=True):
        module.weight = torch.nn.Parameter(tensor, requires_grad=False)
    amount = sum(tensor.numel() for tensor in tensors.values()) - keep
    prune.global_unstructured([(each, "weight") for each in modules], prune.L1Unstructured, amount=amount)
    return torch.cat([module.weight_mask.reshape(-1) for module in modules]).bool().numpy()


@dataclass(frozen=True)
class Peer:
    """One of these ways."""

    name: str
    select: Callable[[Tensors, int], Kept]
    target: float | None
    """How many times as fast a selection shall be."""
    ties: bool = False
    """Whether more are kept than asked for, where there are ties."""
    repeats: int = 3


PEERS = (
    Peer("numpy.partition", numpy_partition, target=25, ties=True),
    Peer("torch.topk", torch_topk, target=80),
    Peer("torch.kthvalue", torch_kthvalue, target=None, ties=True),
    Peer("prune.global_unstructured", global_unstructured, target=700, repeats=1),
)
