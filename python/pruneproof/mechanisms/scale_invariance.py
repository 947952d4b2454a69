"""Filters in front of batch normalisation: on batch statistics the loss does not see their scale, and scores vanish."""

from typing import Any

import torch
from torch import Tensor, nn

from pruneproof.api import Catalog, Fact, Mechanism
from pruneproof.mechanisms.gradient_flow import SHAPE, Flow, below
from pruneproof.mechanisms.networks import build, random_inputs, settle

EPS = 1e-12
ORDERS = ("bn-relu", "relu-bn")


def vanishing_scores(catalog: Catalog) -> list[Fact]:
    """On batch statistics w · g = 0 and w · Hg = -‖g_w‖² for each filter; on running statistics neither."""
    facts = []
    for order in ORDERS:
        first, second, squares = _scores(_flow(catalog, order, train_mode=True))
        scale = float(squares.max().sqrt())
        facts.append(below(f"{order}, batch statistics: w · g against 0", float(first.abs().max()) / scale, 1e-8))
        worst = float((second + squares).abs().max() / squares.max())
        facts.append(below(f"{order}, batch statistics: w · Hg against -‖g‖²", worst, 1e-6))
        first, second, squares = _scores(_flow(catalog, order, train_mode=False))
        other = float(first.abs().max()) > 1e-3 * scale and bool((second > 0).any())
        facts.append(
            Fact(f"{order}, running statistics: w · g = 0 and w · Hg <= 0", "no", "no" if other else "yes", other)
        )
    return facts


def reversed_orders(catalog: Catalog) -> list[Fact]:
    """On batch statistics raising and preserving the gradient norm rank all filters in opposite orders."""
    from scipy import stats  # here, because workers start without it

    facts = []
    for order in ORDERS:
        for train_mode in (True, False):
            _, second, _ = _scores(_flow(catalog, order, train_mode=train_mode))
            tau = float(stats.kendalltau(second.numpy(), second.abs().numpy()).statistic)
            opposite = tau < -1 + 1e-9
            where = "batch" if train_mode else "running"
            facts.append(
                Fact(
                    f"{order}, {where} statistics: w · Hg and |w · Hg| rank filters in opposite orders",
                    _yes(train_mode),
                    _yes(opposite),
                    opposite == train_mode,
                )
            )
    return facts


def growing_norms(catalog: Catalog, *, rate: float = 0.05, steps: int = 40) -> list[Fact]:
    """With plain gradient steps on batch statistics, a filter's squared norm grows by η² Σ ‖g‖².

    That is η times its first-order contribution to the fall of the loss: growth, rather than the norm, ranks filters by
    contribution exactly.
    """
    from scipy import stats  # here, because workers start without it

    facts = []
    for order in ORDERS:
        flow = _flow(catalog, order, train_mode=True)
        at, places = flow.start, flow.filters()
        contributed = torch.zeros(len(places), dtype=torch.float64)
        for _ in range(steps):
            g = flow.gradient(at)
            contributed += rate * _by(g.square(), places)
            at = at - rate * g
        grown = _by(at.square(), places) - _by(flow.start.square(), places)
        worst = float((grown - rate * contributed).abs().max() / grown.abs().max())
        facts.append(below(f"{order}: growth of ‖w‖² against η times the contribution, worst filter", worst, 1e-6))
        ranked = float(stats.spearmanr(grown.numpy(), contributed.numpy()).statistic)
        facts.append(
            Fact(
                f"{order}: growth ranks filters as contribution does", "yes", _yes(ranked > 1 - 1e-9), ranked > 1 - 1e-9
            )
        )
        norms = float(stats.spearmanr(_by(at.square(), places).numpy(), contributed.numpy()).statistic)
        facts.append(Fact(f"{order}: so does the norm itself", "no", _yes(norms > 1 - 1e-9), norms < 1 - 1e-9))
    return facts


def _flow(catalog: Catalog, order: str, *, train_mode: bool) -> Flow:
    module = build(catalog, "conv-chain", shape=SHAPE, options=_options(order)).module
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = EPS
    settle(module, random_inputs(60, SHAPE, seed=1))
    return Flow(module, train_mode=train_mode)


def _options(order: str) -> dict[str, Any]:
    return {"order": order, "channels": (6, 8, 0, 8)}


def _scores(flow: Flow) -> tuple[Tensor, Tensor, Tensor]:
    """Return w · g, w · Hg and ‖g‖² of each filter."""
    g = flow.gradient(flow.start)
    product, places = flow.product(flow.start, g), flow.filters()
    return _by(flow.start * g, places), _by(flow.start * product, places), _by(g.square(), places)


def _by(vector: Tensor, places: list[Tensor]) -> Tensor:
    return torch.stack([vector[each].sum() for each in places])


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


MECHANISMS = (
    Mechanism("vanishing-scores", vanishing_scores, "on batch statistics first- and second-order scores degenerate"),
    Mechanism("reversed-orders", reversed_orders, "on batch statistics raising and preserving are opposite orders"),
    Mechanism("growing-norms", growing_norms, "a filter's norm grows by what it contributes"),
)
