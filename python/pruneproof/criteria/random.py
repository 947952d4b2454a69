"""Random: the control that every criterion has to beat."""

import torch

from pruneproof.api import Criterion, Source, Tensors


def random(weights: Tensors, rng: torch.Generator) -> Tensors:
    """Return independent uniform draws from [0, 1), one per weight.

    With a global scope this removes each weight with the same probability, so every tensor gets about the same
    sparsity. Tensors draw in name order, on the CPU: the scores depend on the generator, the names and the shapes
    alone. The draws are float64 because float32 has 2^24 values only, and millions of weights would tie.

    >>> weights = {"fc.weight": torch.zeros(2, 2)}
    >>> random(weights, torch.Generator().manual_seed(0))["fc.weight"].shape
    torch.Size([2, 2])

    Args:
        weights: name -> tensor; only names, shapes and devices matter.
        rng: a generator on the CPU; it is advanced.

    Returns:
        float64 scores of the weights' shapes, in [0, 1), on the weights' devices.
    """
    return {
        name: torch.rand(weights[name].shape, generator=rng, dtype=torch.float64).to(weights[name].device)
        for name in sorted(weights)
    }


RANDOM = Criterion(
    id="random",
    score=random,
    source=Source(
        authors="Liu, Chen, Chen, Shen, Mocanu, Wang, Pechenizkiy",
        year=2022,
        title="The Unreasonable Effectiveness of Random Pruning: Return of the Most Naive Baseline for Sparse Training",
        arxiv="2202.02643",
    ),
    laws=frozenset({"data-free", "nonnegative", "sign-invariant", "homogeneous-0", "relu-rescaling-invariant"}),
    expected_failures={
        "hidden-units-equivariant": "each place in a tensor gets a draw of its own, whatever unit stands there"
    },
)
