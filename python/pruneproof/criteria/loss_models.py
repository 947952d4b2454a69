"""Loss models: keep the weights whose removal would change a local model of the loss most.

Laurent, Ballas, George, Ballas, Vincent (2020), arXiv 2006.12279. Removing weight k is the step Δθ_k = -θ_k; the loss
around θ is modelled to first order (LM), to second order (QM), or to second order at a point where the gradient is
taken to be null (OBD). All three are one expression:

    s_k = | -g_k θ_k + ½ h_k θ_k² | + ½ λ θ_k²

with g = 0 for OBD and h = 0 for LM. The absolute value is taken per weight, on the sum of the two terms; the penalty λ
on the squared step stands outside it. Cross terms of the Hessian are left out.

Symbols: θ the weights; g = ∂L/∂θ; L the mean cross-entropy over the scoring samples, without weight decay; h a diagonal
of curvature, by default that of the generalised Gauss-Newton matrix. BatchNorm works with its running statistics.

Everything is read from the authors' code (pruning.py); of the paper's text only the abstract was at hand. That code
scores anew on the masked network after every pruning step, with other samples; that belongs to schedule and run.
"""

from collections.abc import Callable
from typing import Literal

from pruneproof.api import BadConfig, Criterion, Probe, Source, Tensors

Kind = Literal["ggn", "ggn-mc", "fisher"]


def linear_model(weights: Tensors, probe: Probe, *, penalty: float = 0.0) -> Tensors:
    """Return |g θ| + ½ λ θ², the change of the loss by a linear model (LM).

    Deviations: none known; see the module for the source.

    >>> import torch
    >>> class Slope:
    ...     def gradients(self, *, train_mode):
    ...         return {"theta": torch.tensor([3.0, -1.0, 0.0])}
    >>> theta = {"theta": torch.tensor([1.0, 2.0, 4.0])}
    >>> linear_model(theta, Slope())["theta"].tolist(), linear_model(theta, Slope(), penalty=1.0)["theta"].tolist()
    ([3.0, 2.0, 0.0], [3.5, 4.0, 8.0])

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g.
        penalty: λ >= 0. The larger, the closer the ranking to that of |θ|.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞).

    Raises:
        BadConfig: the penalty is below zero.
    """
    return _scores(weights, probe.gradients(train_mode=False), None, penalty)


def quadratic_model(
    weights: Tensors, probe: Probe, *, penalty: float = 0.0, curvature: Kind = "ggn", draws: int = 10
) -> Tensors:
    """Return |-g θ + ½ h θ²| + ½ λ θ², the change of the loss by a quadratic model (QM).

    A weight whose removal is predicted to *lower* the loss much is kept as well.

    Deviations: none known; see the module for the source.

    >>> import torch
    >>> class Bowl:
    ...     def gradients(self, *, train_mode):
    ...         return {"theta": torch.tensor([3.0, -1.0, 0.0])}
    ...     def curvature(self, kind, *, draws):
    ...         return {"theta": torch.tensor([6.0, 1.0, 1.0])}
    >>> quadratic_model({"theta": torch.tensor([1.0, 2.0, 4.0])}, Bowl())["theta"].tolist()
    [0.0, 4.0, 8.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g and h.
        penalty: λ >= 0.
        curvature: what h is: `ggn` (exact), `ggn-mc` (its Monte-Carlo estimate) or `fisher` (the empirical Fisher
            matrix, which is another matrix).
        draws: labels drawn per sample for `ggn-mc`; 10 in the authors' ImageNet code.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞).

    Raises:
        BadConfig: the penalty is below zero, or the curvature is not known.
    """
    return _scores(weights, probe.gradients(train_mode=False), probe.curvature(curvature, draws=draws), penalty)


def obd(weights: Tensors, probe: Probe, *, penalty: float = 0.0, curvature: Kind = "ggn", draws: int = 10) -> Tensors:
    """Return ½ h θ² + ½ λ θ²: the quadratic model at a point without gradient (OBD, Optimal Brain Damage).

    LeCun, Denker, Solla (1990) score ½ H_kk θ_k² with the diagonal of the Hessian; here, as in the code of Laurent et
    al., it is by default that of the generalised Gauss-Newton matrix, with the penalty added.

    >>> import torch
    >>> class Bowl:
    ...     def curvature(self, kind, *, draws):
    ...         return {"theta": torch.tensor([6.0, 1.0, 1.0])}
    >>> obd({"theta": torch.tensor([1.0, 2.0, 4.0])}, Bowl())["theta"].tolist()
    [3.0, 2.0, 8.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives h.
        penalty: λ >= 0.
        curvature: as in `quadratic_model`.
        draws: as in `quadratic_model`.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞).

    Raises:
        BadConfig: the penalty is below zero, or the curvature is not known.
    """
    return _scores(weights, None, probe.curvature(curvature, draws=draws), penalty)


def _scores(weights: Tensors, slopes: Tensors | None, bends: Tensors | None, penalty: float) -> Tensors:
    """Return the one expression; None stands for zero.

    In float64, because the two terms may cancel almost wholly.
    """
    if not penalty >= 0.0:
        raise BadConfig(f"a loss model got the penalty {penalty}: a number of at least 0 was expected.")
    scores = {}
    for name, weight in weights.items():
        step = -weight.double()
        change = step * 0.0 if slopes is None else step * slopes[name]
        if bends is not None:
            change = change + 0.5 * step.square() * bends[name]
        scores[name] = (change.abs() + 0.5 * penalty * step.square()).to(weight.dtype)
    return scores


def _made(name: str, function: Callable[..., Tensors], equation: str, *laws: str) -> Criterion:
    shared = {
        "batch-order-invariant",
        "nonnegative",
        "zero-for-zero-weight",
        "zero-for-zero-gradient",
        "loss-scale-invariant",
        "relu-rescaling-invariant",
    }
    source = Source(
        authors="Laurent, Ballas, George, Ballas, Vincent",
        year=2020,
        title="Revisiting Loss Modelling for Unstructured Pruning",
        arxiv="2006.12279",
        equation=f"{equation}; authors' code, compute_ranks",
    )
    return Criterion(name, function, source, laws=frozenset(shared | {*laws}))


LINEAR_MODEL = _made("linear-model", linear_model, "|g θ| + ½ λ θ²", "homogeneous-1", "sign-invariant")
QUADRATIC_MODEL = _made("quadratic-model", quadratic_model, "|-g θ + ½ h θ²| + ½ λ θ²")
OBD = _made("obd", obd, "½ h θ² + ½ λ θ²", "homogeneous-2", "sign-invariant", "label-free")
