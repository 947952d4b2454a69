"""OPD of SpaM: keep the weights of which a Laplace approximation is sure that they are not zero."""

from typing import Literal, get_args

from pruneproof.api import BadConfig, Criterion, Probe, Source, Tensors

Kind = Literal["ggn", "ggn-mc", "fisher"]


def opd(
    weights: Tensors,
    probe: Probe,
    *,
    precision: float = 1.0,
    samples: int = 50_000,
    curvature: Kind = "ggn",
) -> Tensors:
    """Return (N h + δ) θ²: the diagonal of a Laplace posterior's precision, times the squared weight.

    Dhahri, Immer, Charpentier, Günnemann, Fortuin (2024), arXiv 2402.15978, optimal posterior damage. h is the diagonal
    of the mean loss's curvature on the scoring samples, N the size of the training set over which the likelihood is a
    sum, and δ the precision of a Gaussian prior N(0, 1/δ) on each weight. It is 2 N times the score of `obd` with the
    penalty δ / N. Without data (N h = 0) it is the ranking of magnitude, without a prior (δ = 0) that of `obd`.

    A reading of half of the paper. SpaM itself trains under the marginal likelihood, which tunes δ for the network, its
    layers, units or weights as it goes on: a training loop with curvature inside, which no hook carries. Here δ is one
    given number. Theirs ranks biases and normalisation too; a selection ranks the prunable weights. Their file
    `sparsify_v2.py` also has baselines named SNIP and GraSP that are not those (|g| of the last batch; |θ ⊙ Hg|).

    >>> import torch
    >>> class Bowl:
    ...     def curvature(self, kind, **_):
    ...         return {"w": torch.tensor([6.0, 1.0])}
    >>> opd({"w": torch.tensor([1.0, 2.0])}, Bowl(), precision=2.0, samples=10)["w"].tolist()
    [62.0, 48.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives h, in evaluation mode.
        precision: δ >= 0; 1 is where laplace-torch begins, which the authors use.
        samples: N >= 0; the default is CIFAR-10's. Only δ / N decides the ranking.
        curvature: what h is: "ggn" (exact), "ggn-mc" (estimated) or "fisher" (the empirical Fisher matrix).

    Returns:
        Scores of the weights' shapes, float64, in [0, ∞).

    Raises:
        BadConfig: an option out of range, or no scoring samples.
    """
    if not precision >= 0.0 or samples < 0 or curvature not in get_args(Kind):
        raise BadConfig(
            f'opd got the precision {precision}, {samples} samples and the curvature "{curvature}"; two numbers of at '
            f"least 0 and one of {', '.join(get_args(Kind))} were expected."
        )
    bends = probe.curvature(curvature, double=True)
    return {name: (samples * bends[name] + precision) * weight.double().square() for name, weight in weights.items()}


OPD = Criterion(
    id="opd",
    score=opd,
    source=Source(
        authors="Dhahri, Immer, Charpentier, Günnemann, Fortuin",
        year=2024,
        title="Shaving Weights with Occam's Razor: Bayesian Sparsification for Neural Networks "
        "Using the Marginal Likelihood",
        arxiv="2402.15978",
        equation="OPD; code: sparsify_v2.py",
    ),
    laws=frozenset(
        {
            "batch-order-invariant",
            "homogeneous-2",
            "label-free",
            "nonnegative",
            "sign-invariant",
            "zero-for-zero-weight",
        }
    ),
)
