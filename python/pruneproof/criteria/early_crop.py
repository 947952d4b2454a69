"""EarlyCroP: keep the weights whose removal would change the gradient norm most, either way."""

from pruneproof.api import Criterion, Probe, Source, Tensors
from pruneproof.criteria.gradient_flow import gradient_norm


def early_crop(weights: Tensors, probe: Probe) -> Tensors:
    """Return |θ ⊙ Hg|, at temperature 1 and on running statistics.

    Rachwan et al. (2022), arXiv 2206.10451, CroP and EarlyCroP: the magnitude of what GraSP scores with its sign. The
    authors' code multiplies by the mask once more, m ⊙ g, which changes nothing where dead weights have no gradient.

    CroP prunes at initialisation, EarlyCroP after a few epochs, when weights have settled: once the relative distance
    r_t = ‖w_t - w_1‖ / ‖w_1‖ from the weights after the first epoch changes by less than (1 - limit) r_2 from one epoch
    to the next, with limit the final sparsity. The metric `relative-distance` measures r_t; which epoch a method
    prunes after is said by its steps, since a plan is made before anything is trained. Sparsity then grows by the
    schedule `halving`, in five steps for CroP-it.

    Deviation: computed in float64, since the products cancel.

    >>> import torch
    >>> class Bowl:  # L = ½ θᵀAθ with A = diag(1, 2): g = Aθ, Hg = A²θ
    ...     curvature, theta = torch.tensor([1.0, 2.0]), torch.tensor([1.0, -1.0])
    ...     def gradients(self, **_):
    ...         return {"theta": self.curvature * self.theta}
    ...     def hessian_vector(self, vector, **_):
    ...         return {"theta": -self.curvature * vector["theta"]}
    >>> early_crop({"theta": Bowl.theta}, Bowl())["theta"].tolist()
    [1.0, 4.0]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives g and Hg of the mean cross-entropy.

    Returns:
        Scores of the weights' shapes, in [0, ∞).
    """
    return {name: each.abs() for name, each in gradient_norm(weights, probe).items()}


EARLY_CROP = Criterion(
    id="early-crop",
    score=early_crop,
    source=Source(
        authors="Rachwan, Zügner, Charpentier, Geisler, Ayle, Günnemann",
        year=2022,
        title="Winning the Lottery Ahead of Time: Efficient Early Network Pruning",
        arxiv="2206.10451",
        equation="CroP, and the authors' code",
    ),
    laws=frozenset(
        {
            "batch-order-invariant",
            "nonnegative",
            "sign-invariant",
            "homogeneous-1",
            "zero-for-zero-weight",
            "zero-for-zero-gradient",
            "loss-scale-invariant",
        }
    ),
    expected_failures={"relu-rescaling-invariant": "the gradient norm depends on the parametrisation"},
)
