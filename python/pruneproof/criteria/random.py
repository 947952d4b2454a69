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


def random_filters(weights: Tensors, rng: torch.Generator) -> Tensors:
    """Return one uniform draw from [0, 1) per output unit, at each of its weights; `mean` makes the filter's score.

    `random` reduced over filters is not random: a sum grows with the filter, and a mean varies less the larger it is.
    Tensors draw in name order, on the CPU, in float64.

    >>> import torch
    >>> scores = random_filters({"conv.weight": torch.zeros(3, 2)}, torch.Generator().manual_seed(0))["conv.weight"]
    >>> scores.shape, len(scores.unique())
    (torch.Size([3, 2]), 3)

    Args:
        weights: name -> tensor, output units first; only names, shapes and devices matter.
        rng: a generator on the CPU; it is advanced.

    Returns:
        float64 scores of the weights' shapes, in [0, 1), equal within a filter.
    """
    return {name: _by_unit(weights[name], rng) for name in sorted(weights)}


def _by_unit(weight: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    sides = [len(weight), *[1] * (weight.dim() - 1)] if weight.dim() else []
    draws = torch.rand(sides, generator=rng, dtype=torch.float64)
    return draws.expand(weight.shape).contiguous().to(weight.device)


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
RANDOM_FILTERS = Criterion(
    id="random-filters",
    score=random_filters,
    source=RANDOM.source,
    laws=RANDOM.laws,
    expected_failures=RANDOM.expected_failures,
)
