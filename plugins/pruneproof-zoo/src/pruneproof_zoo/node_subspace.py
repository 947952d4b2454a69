"""Subspace node pruning: drop the nodes that the others of their layer can express, and let these do so."""

from collections.abc import Iterator
from functools import partial

import torch

from pruneproof.api import BadConfig, BadTensor, Criterion, Probe, Scored, Source, Tensors


def node_subspace(
    weights: Tensors, alive: Tensors, probe: Probe, *, order: str = "zca", damping: float = 1e-6
) -> Scored:
    """Return the share of the layer's input variance that goes with a node and all nodes after it, and the folded rest.

    A reading of Offergeld, van Gerven, Ahmad (2024), arXiv 2405.17506. C holds the second moments of a layer's inputs,
    which are the nodes of the layer before. The nodes are put in an order of importance; in C = L D Lᵀ in that order,
    D_ii is what is left of node i when it is regressed on the nodes before it. The tail goes, so the score of the i-th
    node is Σ_{k >= i} D_kk / Σ_k D_kk, the same at each weight that reads it: one cut over all layers (scope =
    "global") gives each its width. Select with structure = "node" and reduce = "mean".

    The update adds to the weights of the nodes that stay what these can say of those that go, the least squares

        W_keep += W_drop C_dk C_kk⁻¹.

    What is a reading: the order, by 1 / [C^(-1/2)]_ii² ("zca", "unnormalised ZCA" in the reviews) or by the norm of the
    weights that read the node ("weights", simpler and nearly as good by a reviewer's account); that C is not centred;
    the damping; and residual streams, which the paper may treat as one. Of a convolution with a kernel C is that of the
    places under the kernel's middle, and the fold is the same for each place of the kernel. Inputs of a linear layer
    behind a flattened channel are nodes each.

    >>> class Layer:  # the second node is twice the first, the third stands alone
    ...     def layer_gram(self):
    ...         return {"w": torch.tensor([[[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 3.0]]])}
    >>> weights = {"w": torch.tensor([[1.0, 1.0, 1.0]])}
    >>> found = node_subspace(weights, {"w": weights["w"] > 0}, Layer(), damping=1e-12)
    >>> [round(each, 4) for each in found.scores["w"][0].tolist()]
    [0.0, 0.5714, 1.0]
    >>> [round(each, 4) for each in found.update({"w": torch.tensor([[False, True, True]])})["w"][0].tolist()]
    [0.0, 1.5, 1.0]

    Args:
        weights: W, name -> weight of a linear layer or convolution, dead weights zero.
        alive: the mask so far; nodes that no weight reads are left out, and score 0.
        probe: gives C, in evaluation mode.
        order: "zca" or "weights".
        damping: fraction of the mean diagonal of C that is added to it, above 0.

    Returns:
        Scores of the weights' shapes, float64, in [0, 1]; and the update, for nodes that no weight reads any more.

    Raises:
        BadConfig: an option out of range, no scoring samples, or a weight of neither kind of layer.
        BadTensor: second moments that are no numbers.
    """
    if order not in ("zca", "weights") or not damping > 0.0:
        raise BadConfig(
            f'node-subspace got the order "{order}" and the damping {damping}; "zca" or "weights", and a number above '
            "0 were expected."
        )
    moments = {name: _moments(name, weights[name], gram.double(), damping) for name, gram in probe.layer_gram().items()}
    scores = {name: _scores(weight, alive[name], moments[name], order) for name, weight in weights.items()}
    return Scored(scores, partial(_folded, weights, moments))


def residual_variances(moments: torch.Tensor) -> torch.Tensor:
    """Return D of C = L D Lᵀ: what is left of each variable when it is regressed on those before it.

    >>> residual_variances(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([4., 4.])
    """
    factor: torch.Tensor = torch.linalg.cholesky(moments)
    return factor.diagonal().square()


def _scores(weight: torch.Tensor, alive: torch.Tensor, moments: torch.Tensor, order: str) -> torch.Tensor:
    """Return each node's share of variance that goes with it and what comes after it, at each weight that reads it."""
    left = torch.zeros(weight.shape, dtype=torch.float64, device=weight.device)
    tails, total = [], 0.0
    for (matrix, mask), own in zip(_groups(weight.double(), alive, moments=moments), moments, strict=True):
        read = mask.any((0, 2)).nonzero()[:, 0]
        among = own[read[:, None], read]
        ranked = read[_importance(among, matrix[:, read], order).argsort(descending=True, stable=True)]
        variances = residual_variances(own[ranked[:, None], ranked])
        tail = torch.zeros(len(own), dtype=torch.float64, device=weight.device)
        tail[ranked] = variances.flip(0).cumsum(0).flip(0)
        tails.append(tail)
        total += float(variances.sum())
    for (scores,), tail in zip(_groups(left, moments=moments), tails, strict=True):
        scores.copy_((tail / total if total else tail)[None, :, None].expand_as(scores))
    return left


def _importance(moments: torch.Tensor, matrix: torch.Tensor, order: str) -> torch.Tensor:
    if order == "weights":
        return matrix.square().sum((0, 2))
    values, vectors = torch.linalg.eigh(moments)
    roots: torch.Tensor = (vectors.square() / values.clamp_min(torch.finfo(values.dtype).tiny).sqrt()).sum(1)
    return 1 / roots.square()


def _folded(weights: Tensors, moments: Tensors, alive: Tensors) -> dict[str, torch.Tensor]:
    """Return the weights with what the nodes that stay can say of those that no weight reads any more."""
    moved = {}
    for name, mask in alive.items():
        found = torch.where(mask, weights[name], 0.0).double()
        given = _groups(found, weights[name].double(), mask, moments=moments[name])
        for (new, old, flags), own in zip(given, moments[name], strict=True):
            read = flags.any((0, 2))
            kept, gone = read.nonzero()[:, 0], (~read).nonzero()[:, 0]
            if len(kept) and len(gone):
                factor = torch.linalg.cholesky(own[kept[:, None], kept])
                fold = torch.cholesky_solve(own[kept[:, None], gone], factor)  # (kept, gone)
                new[:, kept] += torch.einsum("kg,ogp->okp", fold, old[:, gone])
        moved[name] = torch.where(mask, found, 0.0).to(weights[name].dtype)
    return moved


def _groups(*tensors: torch.Tensor, moments: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield each group of all tensors, as views (outputs, nodes, places of the kernel)."""
    return zip(*(each.reshape(len(moments), -1, moments.shape[-1], _places(each)) for each in tensors), strict=True)


def _places(weight: torch.Tensor) -> int:
    return weight.shape[2:].numel()


def _moments(name: str, weight: torch.Tensor, gram: torch.Tensor, damping: float) -> torch.Tensor:
    """Return the damped second moments (groups, nodes, nodes) at the middle of the kernel."""
    places, middle = _places(weight), 0
    for side in weight.shape[2:]:
        middle = middle * side + side // 2
    own = gram[:, middle::places, middle::places]
    diagonal = own.diagonal(dim1=1, dim2=2)
    mean = diagonal.mean(dim=1, keepdim=True)
    own = own + torch.diag_embed(torch.where(mean > 0, damping * mean, 1.0).expand_as(diagonal))
    if bool(torch.linalg.cholesky_ex(own).info.any()):
        raise BadTensor(
            f'the second moments of the inputs of "{name}" have no factorisation at damping {damping}. Raise it, or '
            "look for a model that has diverged."
        )
    return own


NODE_SUBSPACE = Criterion(
    id="node-subspace",
    score=node_subspace,
    source=Source(
        authors="Offergeld, van Gerven, Ahmad",
        year=2024,
        title="Subspace Node Pruning",
        arxiv="2405.17506",
        equation="by abstract and reviews; the text was not at hand",
    ),
    updates_survivors=True,
    laws=frozenset({"batch-order-invariant", "label-free", "nonnegative"}),
    expected_failures={
        "hidden-units-equivariant": "nodes of equal importance go by their index, and the order decides what is left"
    },
)
