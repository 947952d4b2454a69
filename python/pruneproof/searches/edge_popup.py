"""edge-popup: find a good subnetwork of fixed random weights by training one score per weight.

Ramanujan et al. (2020), arXiv 1911.13299. Weights stay at their initialisation, biases and BatchNorm's scale and shift
too; the transform `signed-constant` makes the initialisation that works best there.
"""

import math
from typing import Literal

import torch

from pruneproof.api import BadConfig, MaskSearch, Source, Tensors, keep_count, proportional
from pruneproof.searches.ranking import largest, largest_of_all

Scope = Literal["layer", "global"]


def start(weights: Tensors, rng: torch.Generator, *, scope: Scope = "layer") -> Tensors:
    """Return one score per weight, drawn as PyTorch draws a layer's weights.

    s ~ U(-b, b) with b = 1/√fan_in: Kaiming's uniform distribution with a = √5.

    >>> scores = start({"w": torch.zeros(2, 4)}, torch.Generator().manual_seed(0))
    >>> bool(scores["w"].abs().max() <= 0.5)
    True

    Args:
        weights: only names, shapes, dtypes and devices matter.
        rng: a generator on the CPU; tensors draw in name order.
        scope: who competes: the weights of each tensor, or all of them.

    Raises:
        BadConfig: an unknown scope.
    """
    if scope not in ("layer", "global"):
        raise BadConfig(f'the scope of edge-popup is "{scope}"; "layer" or "global" was expected.')
    scores = {}
    for name in sorted(weights):
        weight = weights[name]
        bound = 1 / math.sqrt(max(math.prod(weight.shape[1:]), 1))
        drawn = torch.rand(weight.shape, generator=rng, dtype=torch.float64)
        scores[name] = ((2 * drawn - 1) * bound).to(weight)
    return scores


def gate(
    variables: Tensors, sparsity: float, progress: float, rng: torch.Generator, *, scope: Scope = "layer"
) -> Tensors:
    """Return 1 for the weights of largest |s| and 0 for the others; the gradient passes straight through to |s|.

    >>> scores = torch.tensor([0.1, -0.4, 0.3], requires_grad=True)
    >>> gates = gate({"w": scores}, 0.5, 0.0, torch.Generator())
    >>> gates["w"].tolist(), torch.autograd.grad((gates["w"] * torch.tensor([5.0, 6.0, 7.0])).sum(), scores)[0].tolist()
    ([0.0, 1.0, 1.0], [5.0, -6.0, 7.0])
    """
    chosen = export(variables, sparsity, scope=scope)
    gates = {}
    for name, scores in variables.items():
        size = scores.abs()
        gates[name] = chosen[name].to(size.dtype) + (size - size.detach())
    return gates


def export(variables: Tensors, sparsity: float, *, scope: Scope = "layer") -> Tensors:
    """Return the mask of the largest |s|, of equals those of lower index: N - floor(sparsity N) of N in all.

    With the scope `layer` every tensor keeps the same fraction, rounded by largest remainder. With `global` all
    compete; equals go by name, then by index.

    Deviation: the authors' code keeps n - floor(sparsity n) of each tensor, which is more in all where tensors do not
    divide evenly.

    >>> scores = {"a": torch.tensor([0.1, -0.2]), "b": torch.tensor([3.0, 4.0])}
    >>> {name: mask.tolist() for name, mask in export(scores, 0.5).items()}
    {'a': [False, True], 'b': [False, True]}
    >>> {name: mask.tolist() for name, mask in export(scores, 0.5, scope="global").items()}
    {'a': [False, False], 'b': [True, True]}
    """
    sizes = {name: each.numel() for name, each in variables.items()}
    keep = keep_count(sum(sizes.values()), sparsity)
    scores = {name: each.detach().abs() for name, each in variables.items()}
    if scope == "global":
        return largest_of_all(scores, keep)
    counts = proportional(sizes, keep)
    return {name: largest(each.flatten(), counts[name]).reshape(each.shape) for name, each in scores.items()}


EDGE_POPUP = MaskSearch(
    id="edge-popup",
    start=start,
    gate=gate,
    export=export,
    source=Source(
        authors="Ramanujan, Wortsman, Kembhavi, Farhadi, Rastegari",
        year=2020,
        title="What's Hidden in a Randomly Weighted Neural Network?",
        arxiv="1911.13299",
    ),
    exports="top-k: the weights of largest |score|, per tensor or over all",
)
