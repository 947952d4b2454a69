"""OrthP: orthogonalise what pruning has left of each layer."""

import torch

from pruneproof.api import BadConfig, Source, Tensors, Transform, Transformed


def orthp(weights: Tensors, alive: Tensors, *, gain: float = 1.0) -> Transformed:
    """Return gain · Q for each layer, Q the orthogonal factor of its weights: rows, or columns, orthonormal.

    Each weight as a matrix W (outputs, inputs · places of the kernel), transposed where it has fewer rows than columns,
    is QR with R's diagonal made positive; Q in W's shape replaces W. If rows <= columns, Q Qᵀ = I, else Qᵀ Q = I. A
    linear network whose layers all have rows <= columns then has a Jacobian with all singular values gain^layers: 1,
    dynamical isometry, at gain 1. The gain of ReLU is √2. Computed in float64.

    What stays are directions, not magnitudes: it initialises anew, from the weights. Biases and normalisation stay;
    every layer changes, those that were not pruned too.

    Under a mask the block of rows and columns with a weight that is alive is orthogonalised: for whole filters, with
    `coupled` inputs or after `shrink`, that is the small network's matrix. Dead places within the block are zeroed
    afterwards, which leaves nothing orthogonal under an unstructured mask (the authors' code refuses one).

    Deviation: where R's diagonal is 0 (a dependent row) the column of Q stays; the authors' sign(0) makes it 0.

    >>> weights = {"w": torch.tensor([[3.0, 4.0, 0.0], [0.0, 2.0, 0.0]])}
    >>> dense = {"w": torch.ones(2, 3, dtype=torch.bool)}
    >>> [[round(each, 6) + 0.0 for each in row] for row in orthp(weights, dense).state["w"].tolist()]
    [[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0]]

    Args:
        weights: the prunable weights; those with one dimension stay.
        alive: name -> bool mask.
        gain: above 0.

    Raises:
        BadConfig: a gain of zero or less, or a weight that is no number.
    """
    if not gain > 0:
        raise BadConfig(f"the gain is {gain}; a number above 0 was expected.")
    return Transformed(
        state={
            name: _orthogonal(name, weight, alive[name], gain)
            for name, weight in weights.items()
            if weight.dim() > 1 and alive[name].any()
        }
    )


def _orthogonal(name: str, weight: torch.Tensor, mask: torch.Tensor, gain: float) -> torch.Tensor:
    matrix, living = weight.detach().flatten(1).double(), mask.flatten(1)
    rows, columns = (living.any(axis).nonzero().flatten() for axis in (1, 0))
    block = matrix[rows[:, None], columns]
    if not block.isfinite().all():
        raise BadConfig(f'orthp met weights of "{name}" that are no numbers. Train with a smaller learning rate.')
    wide = block.shape[0] < block.shape[1]
    q, r = torch.linalg.qr(block.T if wide else block)
    q = q * torch.where(r.diagonal() < 0, -1.0, 1.0)
    found = torch.zeros_like(matrix)
    found[rows[:, None], columns] = gain * (q.T if wide else q)
    return found.reshape(weight.shape).to(weight.dtype)


ORTHP = Transform(
    id="orthp",
    transform=orthp,
    source=Source(
        authors="Wang, Qin, Bai, Fu",
        year=2021,
        title="Dynamical Isometry: The Missing Ingredient for Neural Network Pruning",
        arxiv="2105.05916",
        equation="OrthP; code of arXiv 2207.12534: exact isometry based on existing weights",
    ),
    about="Replaces each layer's weights by their orthogonal factor times a gain; keeps the mask.",
    keeps=frozenset({"counts", "total", "mask"}),
)
