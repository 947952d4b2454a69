"""ProsPr: keep the weights whose removal would change the loss most after a few steps of training."""

from collections.abc import Sequence

import torch

from pruneproof.api import BadConfig, Criterion, Probe, Source, Tensors

STEP = 1e-5
"""Of the differences that stand in for Hessian-vector products, relative to the norm of the weights."""


def prospr(
    weights: Tensors,
    probe: Probe,
    *,
    steps: int = 3,
    lr: float = 0.1,
    momentum: float = 0.0,
    order: str = "full",
) -> Tensors:
    """Return |θ ⊙ dL(θ_K)/dθ|, θ_K being the weights after K steps of gradient descent from θ.

    Alizadeh, Tailor, Zintgraf, van Amersfoort, Farquhar, Lane, Gal (2022), arXiv 2202.08132: the mask multiplies the
    initial weights, θ_0 = m ⊙ θ, and the score is |dL(θ_K)/dm| at m = 1. With b_k+1 = β b_k + ∇L(θ_k) and θ_k+1 = θ_k -
    η b_k+1, `full` differentiates through the steps,

        a = ∇L(θ_K), c = 0;   for k = K-1 ... 0:   c -= η a,   a += H(θ_k) c,   c *= β,

    and `first-order` takes a = ∇L(θ_K) as it stands, the steps being constants. The two rank differently. Without steps
    both are `snip`. Weights are trained by the scoring samples, all of them at each step, on batch statistics.

    Deviations: a probe differentiates with respect to the prunable weights, so that biases and normalisation stay as
    they are over the K steps, where theirs are trained along. It has Hessian-vector products at the network's own
    weights only: those at θ_1 ... θ_K-1 are central differences of gradients in float64, 1e-5 ‖θ‖ to each side. The
    authors take one batch per step, the same or another; and where there is momentum they do not differentiate through
    the first gradient (their buffer starts as a detached copy), which is done here.

    >>> class Bowl:  # L = ½ Σ a θ², a = (1, 2): θ_k = θ (1 - η a)^k
    ...     a, theta = torch.tensor([1.0, 2.0]).double(), torch.tensor([1.0, 1.0]).double()
    ...     def gradients(self, *, at, **_):
    ...         return {"w": self.a * at["w"]}
    ...     def hessian_vector(self, vector, **_):
    ...         return {"w": self.a * vector["w"]}
    >>> [round(each, 4) for each in prospr({"w": Bowl.theta}, Bowl())["w"].tolist()]
    [0.5314, 0.5243]
    >>> [round(each, 4) for each in prospr({"w": Bowl.theta}, Bowl(), order="first-order")["w"].tolist()]
    [0.729, 1.024]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives gradients at given weights and Hessian-vector products.
        steps: K >= 0; 3 by default in the authors' program.
        lr: η > 0; 0.1 there, 0.5 in the README's example.
        momentum: β in [0, 1); 0 there, 0.9 in the README's example.
        order: "full", or "first-order".

    Returns:
        Scores of the weights' shapes, float64, in [0, ∞).

    Raises:
        BadConfig: an option out of range, or no scoring samples.
    """
    if steps < 0 or not lr > 0 or not 0 <= momentum < 1 or order not in ("full", "first-order"):
        raise BadConfig(
            f'prospr got {steps} steps, the rate {lr}, the momentum {momentum} and the order "{order}"; a whole number '
            'from 0, a number above 0, one in [0, 1), and "full" or "first-order" were expected.'
        )
    path, slopes = [{name: each.double() for name, each in weights.items()}], []
    buffer = {name: torch.zeros_like(each) for name, each in path[0].items()}
    for _ in range(steps):
        slopes.append(_slope(probe, path[-1]))
        buffer = {name: momentum * each + slopes[-1][name] for name, each in buffer.items()}
        path.append({name: each - lr * buffer[name] for name, each in path[-1].items()})
    found = dict(_slope(probe, path[-1]))
    if order == "full":
        found = _back(probe, path[:-1], found, lr, momentum)
    return {name: (each * found[name]).abs() for name, each in path[0].items()}


def _slope(probe: Probe, at: Tensors) -> Tensors:
    return probe.gradients(at=at, train_mode=True, double=True)


def _back(
    probe: Probe, path: Sequence[Tensors], last: dict[str, torch.Tensor], lr: float, momentum: float
) -> dict[str, torch.Tensor]:
    """Return the derivative by the first point of `path`, from that by the point after its last."""
    carried = {name: torch.zeros_like(each) for name, each in last.items()}
    for step in reversed(range(len(path))):
        carried = {name: each - lr * last[name] for name, each in carried.items()}
        pulled = _product(probe, path[step], carried, own=step == 0)
        last = {name: each + pulled[name] for name, each in last.items()}
        carried = {name: momentum * each for name, each in carried.items()}
    return last


def _product(probe: Probe, at: Tensors, vector: Tensors, *, own: bool) -> Tensors:
    """Return H v at a point: exactly at the network's own weights, by a central difference elsewhere."""
    if own:
        return probe.hessian_vector(vector, train_mode=True, double=True)
    length = _norm(vector)
    if length == 0:
        return vector
    step = STEP * max(_norm(at), torch.finfo(torch.float64).tiny) / length
    ahead, behind = (
        _slope(probe, {name: each + sign * step * vector[name] for name, each in at.items()}) for sign in (1, -1)
    )
    return {name: (each - behind[name]) / (2 * step) for name, each in ahead.items()}


def _norm(tensors: Tensors) -> float:
    return float(torch.stack([each.square().sum() for each in tensors.values()]).sum().sqrt())


PROSPR = Criterion(
    id="prospr",
    score=prospr,
    source=Source(
        authors="Alizadeh, Tailor, Zintgraf, van Amersfoort, Farquhar, Lane, Gal",
        year=2022,
        title="Prospect Pruning: Finding Trainable Weights at Initialization using Meta-Gradients",
        arxiv="2202.08132",
        equation="code: prospr.py",
    ),
    laws=frozenset({"nonnegative", "zero-for-zero-weight"}),
)
