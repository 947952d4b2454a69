"""GraSP: keep the weights whose removal would lower the gradient norm most."""

from pruneproof.api import Criterion, Probe, Source, Tensors


def grasp(weights: Tensors, probe: Probe, *, temperature: float = 200.0) -> Tensors:
    """Return θ ⊙ Hg, signed.

    Wang, Zhang, Grosse (2020), arXiv 2002.07376. Removing weight i changes the squared gradient norm by
    -2 θ_i (Hg)_i to first order. The paper scores S(-θ) = -θ ⊙ Hg and *removes* the largest; here larger means keep, so
    the sign is turned and the masks are the same. The absolute value would be another method (it preserves the norm).

    Symbols: θ the weights, g the gradient and H the Hessian of the mean cross-entropy of logits / temperature, both
    over all scoring samples, dead weights held at zero.

    Deviations: the authors' code divides all scores by one constant, which no ranking can see; re-initialises linear
    layers before scoring; and sums products batch by batch, which differs from Hg only where BatchNorm sees batches. As
    there, BatchNorm uses batch statistics.

    >>> import torch
    >>> class Bowl:  # L = ½ θᵀAθ with A = diag(1, 2): g = Aθ, Hg = A²θ
    ...     curvature, theta = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0])
    ...     def gradients(self, *, temperature):
    ...         return {"theta": self.curvature * self.theta}
    ...     def hessian_vector(self, vector, *, temperature):
    ...         return {"theta": self.curvature * vector["theta"]}
    >>> grasp({"theta": Bowl.theta}, Bowl())["theta"].tolist()
    [1.0, 4.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g and Hg.
        temperature: divides the logits, > 0; 200 in the authors' code. It changes the ranking, not only the scale.

    Returns:
        Scores of the weights' shapes and dtypes, of either sign.
    """
    gradient = probe.gradients(temperature=temperature)
    product = probe.hessian_vector(gradient, temperature=temperature)
    return {name: weight * product[name] for name, weight in weights.items()}


def grasp_absolute(weights: Tensors, probe: Probe, *, temperature: float = 200.0) -> Tensors:
    """Return |θ ⊙ Hg|: GraSP without its sign.

    Another method than `grasp`: it keeps what changes the gradient norm most, either way. Frankle et al. (2021), arXiv
    2009.08576, report that it does better than the signed one (second-hand, unverified). `early-crop` is the same on
    running statistics and at temperature 1.

    >>> import torch
    >>> class Bowl:  # L = ½ θᵀAθ with A = diag(1, -2): g = Aθ, Hg = A²θ
    ...     curvature, theta = torch.tensor([1.0, -2.0]), torch.tensor([1.0, -1.0])
    ...     def gradients(self, *, temperature):
    ...         return {"theta": self.curvature * self.theta}
    ...     def hessian_vector(self, vector, *, temperature):
    ...         return {"theta": self.curvature.abs() * vector["theta"]}
    >>> grasp_absolute({"theta": Bowl.theta}, Bowl())["theta"].tolist()
    [1.0, 4.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g and Hg.
        temperature: divides the logits, > 0.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞).
    """
    return {name: each.abs() for name, each in grasp(weights, probe, temperature=temperature).items()}


LAWS = frozenset(
    {"batch-order-invariant", "homogeneous-1", "zero-for-zero-weight", "zero-for-zero-gradient", "loss-scale-invariant"}
)
GRASP = Criterion(
    id="grasp",
    score=grasp,
    source=Source(
        authors="Wang, Zhang, Grosse",
        year=2020,
        title="Picking Winning Tickets Before Training by Preserving Gradient Flow",
        arxiv="2002.07376",
        equation="S(-θ) = -θ ⊙ Hg, sign turned",
    ),
    laws=LAWS,
    expected_failures={
        "sign-invariant": "the score is signed: weights whose removal raises the gradient norm rank lowest",
        "relu-rescaling-invariant": "the gradient norm, which the score preserves, depends on the parametrisation",
    },
)
GRASP_ABSOLUTE = Criterion(
    id="grasp-absolute",
    score=grasp_absolute,
    source=Source(
        authors="Frankle, Dziugaite, Roy, Carbin",
        year=2021,
        title="Pruning Neural Networks at Initialization: Why Are We Missing the Mark?",
        arxiv="2009.08576",
    ),
    laws=LAWS | {"nonnegative", "sign-invariant"},
    expected_failures={"relu-rescaling-invariant": GRASP.expected_failures["relu-rescaling-invariant"]},
)
