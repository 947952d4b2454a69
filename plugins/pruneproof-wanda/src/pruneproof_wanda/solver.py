"""SparseGPT: prune a matrix column by column, and let the columns to come make up for what is lost."""

from collections.abc import Callable

import torch

from pruneproof.api import BadConfig, BadTensor
from pruneproof_wanda.selecting import Amount


def sparsegpt(
    weight: torch.Tensor,
    gram: torch.Tensor,
    *,
    sparsity: float | None = None,
    structure: str = "weight",
    scope: str | None = None,
    columns: int = 128,
    dampening: float = 0.01,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the pruned matrix with its survivors updated, and its mask.

    Frantar, Alistarh (2023), arXiv 2301.00774, algorithm 1. With H = 2 XᵀX + λI the Hessian of ‖X Wᵀ - X Ŵᵀ‖² and R
    the upper triangular factor of H⁻¹ = RᵀR, R_jj² is the j-th diagonal entry of the inverse of H restricted to the
    columns from j on. The mask of each slice of columns is chosen when its turn comes, by w_ij² / R_jj² (the Optimal
    Brain Surgeon's saliency, eq. 3); then, from left to right, what column j loses, e = w_ij / R_jj, is made up for by
    subtracting e · R_jk from the columns k > j. The slice also is the batch of the lazy updates (B = B_s there).

    Deviations: all in float64, where the published code works in float32. Features that were always zero keep their
    dampened H_jj = λ, where that code sets them to 1 and their weights to zero. The slices' counts add up to the exact
    count of the matrix: outputs · inputs - floor(sparsity · outputs · inputs) for the scope `tensor`.

    >>> weight, gram = torch.tensor([[1.0, 2.0]]), torch.tensor([[4.0, 2.0], [2.0, 4.0]])
    >>> pruned, mask = sparsegpt(weight, gram, sparsity=0.5, dampening=0.0)  # w₁x₁ + w₂x₂ with x₁ close to x₂
    >>> pruned.tolist(), mask.tolist()
    ([[0.0, 2.5]], [[False, True]])

    Args:
        weight: W, (outputs, inputs), float16, bfloat16, float32 or float64; left as it is.
        gram: XᵀX over all calibration samples, (inputs, inputs), on the weight's device. Its scale does not matter.
        sparsity: fraction to remove, in [0, 1).
        structure: `weight`, or N:M along the inputs as in `2:4`; M columns are one slice of the mask then.
        scope: who competes within a slice: all its weights (`tensor`, the paper's) or those of each output (`row`).
        columns: width of a slice, from 1; both 128 in the paper.
        dampening: λ as a fraction of the mean diagonal of 2 XᵀX, at least 0.

    Raises:
        BadConfig: arguments out of range or in contradiction.
        BadTensor: shapes that do not fit, NaN, or a Hessian that has no inverse.
        UnknownName: an unknown scope.
    """
    amount = Amount.parse(sparsity, structure, scope, default="tensor")
    check_options(amount, columns, dampening)
    if weight.ndim != 2 or gram.shape != (weight.shape[1], weight.shape[1]):
        raise BadTensor(
            f"sparsegpt got a weight of shape {tuple(weight.shape)} and a Gram matrix of shape {tuple(gram.shape)}: "
            "(outputs, inputs) and (inputs, inputs) were expected."
        )
    if amount.pattern and weight.shape[1] % amount.pattern[1]:
        raise BadTensor(f"{weight.shape[1]} inputs cannot be cut into groups of {amount.pattern[1]}.")
    return solve(weight, gram, amount, columns, dampening)


def check_options(amount: Amount, columns: int, dampening: float) -> None:
    """Refuse what SparseGPT cannot do.

    Raises:
        BadConfig: the scope `block`, a slice without columns, or a negative dampening.
    """
    if amount.scope == "block":
        raise BadConfig('SparseGPT chooses within slices of a matrix: the scope is "tensor" or "row", not "block".')
    if columns < 1:
        raise BadConfig(f"{columns} columns cannot be pruned at a time: a number from 1 was expected.")
    if not dampening >= 0.0:
        raise BadConfig(f"dampening {dampening} is out of range: a fraction of at least 0 was expected.")


def solve(
    weight: torch.Tensor, gram: torch.Tensor, amount: Amount, columns: int, dampening: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Do what `sparsegpt` says, on checked arguments."""
    group = amount.pattern[1] if amount.pattern else columns
    step = max(columns // group, 1) * group  # whole groups
    return sweep(weight, inverse_factor(gram, dampening), amount.choose_columns, group, step)


def sweep(
    weight: torch.Tensor,
    factor: torch.Tensor,
    choose: Callable[[torch.Tensor, int], torch.Tensor],
    group: int,
    step: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Prune from left to right and let the columns to come make up for it; return the weights and their mask.

    >>> factor = inverse_factor(torch.tensor([[2.0, 1.0], [1.0, 2.0]]), 0.0)
    >>> given = torch.tensor([[True, False]])
    >>> sweep(torch.ones(1, 2), factor, lambda scores, start: given[:, start : start + 2], 2, 2)[0].tolist()
    [[1.0, 0.0]]

    Args:
        weight: W, (outputs, inputs).
        factor: R of `inverse_factor`.
        choose: (saliencies of the next columns under the weights so far, number of columns before them) -> their mask.
        group: columns that are chosen from at a time.
        step: columns after which later ones are brought up to date; a multiple of `group`.
    """
    diagonal = factor.diagonal()
    work = weight.detach().double().clone(memory_format=torch.contiguous_format)
    mask = torch.ones_like(work, dtype=torch.bool)
    for start in range(0, work.shape[1], step):
        stop = min(start + step, work.shape[1])
        errors = torch.zeros_like(work[:, start:stop])
        for j in range(start, stop):
            if (j - start) % group == 0:
                piece = slice(j, min(j + group, stop))
                mask[:, piece] = choose((work[:, piece] / diagonal[piece]).square(), j)
            error = torch.where(mask[:, j], 0.0, work[:, j] / diagonal[j])
            work[:, j:stop] -= error.outer(factor[j, j:stop])
            errors[:, j - start] = error
        work[:, stop:] -= errors @ factor[start:stop, stop:]
    return torch.where(mask, work, 0.0).to(weight.dtype), mask


def inverse_factor(gram: torch.Tensor, dampening: float) -> torch.Tensor:
    """Return the upper triangular R of H⁻¹ = RᵀR, H = gram + λI, float64; the factor 2 of the Hessian cancels out.

    Reading rows and columns backwards turns H = U Uᵀ, U upper triangular, into a Cholesky decomposition; R is U⁻¹.

    >>> gram = torch.tensor([[4.0, 2.0], [2.0, 3.0]], dtype=torch.float64)
    >>> factor = inverse_factor(gram, 0.0)
    >>> torch.allclose(factor.T @ factor, gram.inverse()), factor[1, 0].item()
    (True, 0.0)

    Raises:
        BadTensor: the matrix holds NaN or infinity, or has no inverse.
    """
    if not gram.isfinite().all():
        raise BadTensor("the Gram matrix of the calibration inputs holds NaN or infinity.")
    hessian = gram.double().clone()
    mean = hessian.diagonal().mean().item()
    # Inputs that are zero throughout leave nothing to choose by but the weights: H = I.
    hessian.diagonal().add_(dampening * mean if mean > 0 else 1.0)
    backwards, failed = torch.linalg.cholesky_ex(hessian.flip(0, 1))
    if failed.item():
        raise BadTensor(
            f"the Hessian of the calibration inputs has no inverse at dampening {dampening}. Raise the dampening, or "
            "calibrate on more samples."
        )
    identity = torch.eye(len(hessian), dtype=hessian.dtype, device=hessian.device)
    inverse: torch.Tensor = torch.linalg.solve_triangular(backwards, identity, upper=False)
    return inverse.flip(0, 1)
