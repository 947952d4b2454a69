"""Gradient flow: the weights' norm and its time derivatives, and what removing a filter does to first order."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from pruneproof.api import Catalog, Fact, Mechanism
from pruneproof.mechanisms.networks import build, random_inputs

SHAPE, CLASSES, SAMPLES = (1, 6, 6), 10, 60


class Flow:
    """The mean cross-entropy of a network as a function of all its weights in one vector, in float64."""

    def __init__(self, module: nn.Module, *, train_mode: bool = False) -> None:
        """Take a network; its weights are copied, its running statistics never move."""
        self.module = module.double().train(train_mode)
        self.names = [name for name, _ in module.named_parameters()]
        self.shapes = [each.shape for _, each in module.named_parameters()]
        self.start = torch.cat([each.detach().flatten() for each in module.parameters()])
        self.inputs = random_inputs(SAMPLES, SHAPE).double()
        self.labels = torch.arange(SAMPLES) % CLASSES

    def loss(self, at: Tensor) -> Tensor:
        """Return L(θ)."""
        weights = dict(zip(self.names, self.parts(at), strict=True))
        buffers = {name: each.clone() for name, each in self.module.named_buffers()}
        return F.cross_entropy(functional_call(self.module, {**weights, **buffers}, (self.inputs,)), self.labels)

    def parts(self, at: Tensor) -> list[Tensor]:
        """Return the vector in the shapes of the parameters."""
        pieces = torch.split(at, [shape.numel() for shape in self.shapes])
        return [piece.reshape(shape) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def gradient(self, at: Tensor) -> Tensor:
        """Return g(θ)."""
        leaf = at.detach().requires_grad_()
        return torch.autograd.grad(self.loss(leaf), leaf)[0]

    def product(self, at: Tensor, along: Tensor) -> Tensor:
        """Return H(θ) times a vector."""
        leaf = at.detach().requires_grad_()
        [slope] = torch.autograd.grad(self.loss(leaf), leaf, create_graph=True)
        return torch.autograd.grad(slope @ along, leaf)[0]

    def after(self, time: float, steps: int = 4) -> Tensor:
        """Return θ after gradient flow for some time, by Runge and Kutta's fourth-order steps."""
        at, h = self.start, time / steps
        for _ in range(steps):
            k1 = -self.gradient(at)
            k2 = -self.gradient(at + h / 2 * k1)
            k3 = -self.gradient(at + h / 2 * k2)
            k4 = -self.gradient(at + h * k3)
            at = at + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return at

    def filters(self) -> list[Tensor]:
        """Return the places of each convolution's filters in the vector."""
        found, first = [], 0
        for shape in self.shapes:
            if len(shape) == 4:
                found += [*torch.arange(first, first + shape.numel()).reshape(shape[0], -1)]
            first += shape.numel()
        return found


def smooth() -> nn.Module:
    """Return a small network without normalisation and without kinks, freshly initialised from seed 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.Softplus(), nn.Conv2d(4, 6, 3), nn.Softplus(), nn.Flatten(), nn.Linear(24, CLASSES)
        )


def norm_derivatives(*, time: float = 1e-3) -> list[Fact]:
    """Along gradient flow d‖θ‖²/dt = -2 θᵀg and d²‖θ‖²/dt² = 2(‖g‖² + θᵀHg).

    By central differences of a fine flow; and Hg itself by that of g along g.
    """
    flow = Flow(smooth())
    at, g = flow.start, flow.gradient(flow.start)
    product = flow.product(at, g)
    before, now, then = (float(each.square().sum()) for each in (flow.after(-time), at, flow.after(time)))
    by_difference = (flow.gradient(at + 1e-5 * g) - flow.gradient(at - 1e-5 * g)) / 2e-5
    return [
        below("d‖θ‖²/dt by differences against -2 θᵀg", off((then - before) / (2 * time), -2 * float(at @ g)), 1e-4),
        below(
            "d²‖θ‖²/dt² by differences against 2(‖g‖² + θᵀHg)",
            off((then - 2 * now + before) / time**2, 2 * float(g @ g + at @ product)),
            1e-3,
        ),
        below(
            "Hg by differentiating twice against differences of g",
            float((by_difference - product).norm() / product.norm()),
            1e-5,
        ),
    ]


def step_moves_norm(*, rate: float = 0.1) -> list[Fact]:
    """In one plain gradient step each filter has |θ · Δθ| = η |θ · g|: the first-order score is the norm's velocity."""
    flow = Flow(smooth())
    module = flow.module
    optimizer = torch.optim.SGD(module.parameters(), lr=rate)
    F.cross_entropy(module(flow.inputs), flow.labels).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    moved = torch.cat([each.detach().flatten() for each in module.parameters()]) - flow.start
    score = flow.start * flow.gradient(flow.start)
    error = max(
        abs(abs(float((flow.start * moved)[each].sum())) - rate * abs(float(score[each].sum())))
        for each in flow.filters()
    )
    return [below("|θ · Δθ| against η |θ · g|, worst filter", error, 1e-12)]


def distance_bounded(*, rate: float = 0.01, steps: int = 300) -> list[Fact]:
    """‖θ(T) - θ(0)‖² <= T (L(0) - L(T)) for small steps of gradient descent: who has moved far has lowered the loss."""
    flow = Flow(smooth())
    at = flow.start
    for _ in range(steps):
        at = at - rate * flow.gradient(at)
    moved = float((at - flow.start).square().sum()) / (rate * steps)
    gained = float(flow.loss(flow.start) - flow.loss(at))
    return [
        Fact("the loss fell", "yes", "yes" if gained > 0 else "no", gained > 0),
        Fact(
            "‖θ(T) - θ(0)‖² / T over L(0) - L(T)", "<= 1.01", "<= 1.01" if moved <= 1.01 * gained else "more",
            moved <= 1.01 * gained,
        ),
    ]  # fmt: skip


def small_removals(*, by: float = 1e-4) -> list[Fact]:
    """Scaling a filter by 1 - ε changes the loss by -ε w · g and the squared gradient norm by -2ε w · Hg."""
    flow = Flow(smooth())
    at, g = flow.start, flow.gradient(flow.start)
    product, loss = flow.product(at, g), float(flow.loss(at))
    losses, norms = [], []
    for each in flow.filters():
        scaled = at.clone()
        scaled[each] *= 1 - by
        losses.append(((float(flow.loss(scaled)) - loss) / by, -float((at * g)[each].sum())))
        after = flow.gradient(scaled)
        norms.append((float(after @ after - g @ g) / by, -2 * float((at * product)[each].sum())))
    return [
        below("change of the loss per ε against -w · g, worst filter", _worst(losses), 1e-2),
        below("change of ‖g‖² per ε against -2 w · Hg, worst filter", _worst(norms), 1e-2),
    ]


def conserved_sums(catalog: Catalog) -> list[Fact]:
    """Without biases and normalisation, Σ θ ⊙ g is the same for every layer of a chain of ReLU."""
    network = build(catalog, "conv-chain", shape=SHAPE, options={"order": "plain"}).module
    for name, each in network.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(each)
    flow = Flow(network)
    products = flow.parts(flow.start * flow.gradient(flow.start))
    sums = [float(each.sum()) for each, name in zip(products, flow.names, strict=True) if name.endswith("weight")]
    error = max(off(one, other) for one, other in pairwise(sums))
    return [below(f"Σ θ ⊙ g of neighbouring layers, {len(sums)} layers", error, 1e-8)]


def off(found: float, expected: float) -> float:
    """Return the relative difference."""
    return abs(found - expected) / abs(expected)


def below(statement: str, found: float, bound: float) -> Fact:
    """Return the fact that a difference lies below a bound; its digits are rounding error, which no machine shares."""
    holds = found < bound
    return Fact(f"{statement}: relative difference", f"< {bound:g}", f"< {bound:g}" if holds else "more", holds)


def _worst(pairs: Sequence[tuple[float, float]]) -> float:
    largest = max(abs(expected) for _, expected in pairs)
    return max(abs(found - expected) for found, expected in pairs) / largest


CHECKS: tuple[tuple[str, Callable[..., list[Fact]], str], ...] = (
    ("norm-derivatives", norm_derivatives, "time derivatives of the weights' norm along gradient flow"),
    ("step-moves-norm", step_moves_norm, "the first-order score is the norm's velocity in a plain step"),
    ("distance-bounded", distance_bounded, "distance from the start is bounded by what the loss has lost"),
    ("small-removals", small_removals, "scores are first-order changes of loss and gradient norm"),
    ("conserved-sums", conserved_sums, "θ ⊙ g sums to the same in every layer of a bias-free chain"),
)
MECHANISMS = tuple(Mechanism(*each) for each in CHECKS)
