"""The prunable pool: which tensors are ranked, and that no other tensor is touched."""

import copy

import torch
from torch import nn

from pruneproof.api import Catalog, Fact, Masker, Mechanism, select_masks
from pruneproof.mechanisms.networks import build, magnitudes

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def prunable_pool(catalog: Catalog, *, model: str, sparsity: float, seed: int = 0) -> list[Fact]:
    """The pool is the weights of all convolutions and linear layers, first and last included, and of nothing else.

    Pruning leaves every other entry of the state dict as it was, bit for bit.
    """
    network = build(catalog, model, seed=seed)
    owners = {f"{name}.weight": part for name, part in network.module.named_modules() if isinstance(part, LAYERS)}
    pool, expected = list(network.weights), list(owners)
    first, last = type(owners[pool[0]]).__name__, type(owners[pool[-1]]).__name__
    facts = [
        Fact(f"{model}: prunable tensors", _listed(expected), _listed(pool), pool == expected),
        Fact(f"{model}: the first prunable tensor belongs to", "Conv2d", first, first == "Conv2d"),
        Fact(f"{model}: the last prunable tensor belongs to", "Linear", last, last == "Linear"),
    ]
    before = copy.deepcopy(network.module.state_dict())
    Masker(network.module, select_masks(magnitudes(network), sparsity=sparsity))
    after = network.module.state_dict()
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    others = [name for name in changed if name not in owners]
    facts.append(
        Fact(
            f"{model} at sparsity {sparsity:g}: changed tensors outside the pool",
            "none",
            str(others or "none"),
            not others,
        )
    )
    facts.append(
        Fact(f"{model} at sparsity {sparsity:g}: changed tensors of the pool", "some", str(len(changed)), bool(changed))
    )
    return facts


def _listed(names: list[str]) -> str:
    return f"{len(names)}: {names[0]} ... {names[-1]}"


PRUNABLE_POOL = Mechanism("prunable-pool", prunable_pool, "which tensors are ranked, and that the others are untouched")
