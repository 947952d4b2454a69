"""Floors: what a minimum number of survivors per tensor guarantees, costs and forbids."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import torch

from pruneproof.api import Fact, Mechanism, Selection
from pruneproof.errors import InfeasibleSelection
from pruneproof.mechanisms.networks import IMAGE, build, magnitudes
from pruneproof.metrics.flops import macs
from pruneproof.selection.select import select_masks
from pruneproof.units import keep_count


def floor_invariants(
    *,
    model: str,
    sparsity: float,
    floor: int,
    infeasible_floor: int,
    model_options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Fact]:
    """The floor's constraint nnz_l >= min(σ, n_l) holds in both readings; what else holds differs.

    Protecting keeps the total exact, is plain global magnitude at σ = 0, gives no tensor more than the floor or than
    plain magnitude would, and refuses a floor that cannot be met. The released re-allocation meets the floor too, but
    keeps at least as many weights as were asked for, and usually more.
    """
    network = build(model, seed=seed, options=model_options)
    scores, sizes = magnitudes(network), network.sizes
    keep = keep_count(sum(sizes.values()), sparsity)
    plain = select_masks(scores, sparsity=sparsity)
    label = f"{model} at sparsity {sparsity:g}, floor {floor}"
    facts = []
    for mode in ("protect", "released"):
        selection = Selection(floor=floor, floor_mode="protect" if mode == "protect" else "released")
        masks = select_masks(scores, sparsity=sparsity, selection=selection)
        short = [name for name, size in sizes.items() if masks.count(name) < min(floor, size)]
        facts.append(Fact(f"{label}, {mode}: tensors below min(σ, n)", "none", str(short or "none"), not short))
        total = masks.count()
        if mode == "protect":
            facts.append(Fact(f"{label}, protect: survivors", str(keep), str(total), total == keep))
            richer = [name for name in sizes if masks.count(name) > max(plain.count(name), min(floor, sizes[name]))]
            statement = f"{label}, protect: tensors above both the floor and plain magnitude"
            facts.append(Fact(statement, "none", str(richer or "none"), not richer))
        else:
            facts.append(Fact(f"{label}, released: survivors", f">= {keep}", str(total), total >= keep))
    same = select_masks(scores, sparsity=sparsity, selection=Selection(floor=0)) == plain
    facts.append(Fact(f"{model}: a floor of 0 gives plain global magnitude", "yes", "yes" if same else "no", same))
    facts.append(
        _refusal(f"{model} at sparsity {sparsity:g}, floor {infeasible_floor}", scores, sparsity, infeasible_floor)
    )
    return facts


def released_floor_stalls(
    *, scores: Mapping[str, Sequence[float]], sparsity: float, floor: int, protected: Mapping[str, int]
) -> list[Fact]:
    """A feasible floor on which the released re-allocation never ends, because a tensor of sparsity 0 cannot be scaled.

    Args:
        scores: tensor -> magnitudes.
        sparsity: fraction removed.
        floor: survivors of each tensor.
        protected: tensor -> survivors when floors are protected and the rest is filled by rank.
    """
    tensors = {name: torch.tensor(each, dtype=torch.float64) for name, each in scores.items()}
    masks = select_masks(tensors, sparsity=sparsity, selection=Selection(floor=floor))
    found = {name: masks.count(name) for name in tensors}
    label = f"{len(tensors)} tensors at sparsity {sparsity:g}, floor {floor}"
    return [
        Fact(
            f"{label}: survivors when floors are protected", str(dict(protected)), str(found), found == dict(protected)
        ),
        _refusal(f"{label}, released", tensors, sparsity, floor, mode="released"),
    ]


def _refusal(
    label: str, scores: Mapping[str, torch.Tensor], sparsity: float, floor: int, mode: str = "protect"
) -> Fact:
    try:
        selection = Selection(floor=floor, floor_mode="released" if mode == "released" else "protect")
        masks = select_masks(scores, sparsity=sparsity, selection=selection)
    except InfeasibleSelection:
        return Fact(f"{label}: selection", "refused", "refused", True)
    return Fact(f"{label}: selection", "refused", f"{masks.count()} survivors", False)


def floor_price(
    *,
    model: str,
    shape: Sequence[int],
    classes: int,
    percent: float,
    floor: int,
    forced: int,
    macs_forced: float,
) -> list[Fact]:
    """From shapes alone: the survivors and multiply-adds that a floor forces, whatever the weights.

    Args:
        model: a built-in model.
        shape: of one input.
        classes: number of classes.
        percent: the floor as a percentage of all prunable weights.
        floor: the same as a count.
        forced: Σ min(σ, n_l).
        macs_forced: the least fraction of multiply-adds that remains, to three decimals.
    """
    network = build(model, shape=shape, classes=classes)
    sizes = network.sizes
    count = _floor(sum(sizes.values()), percent)
    kept = {name: min(count, size) for name, size in sizes.items()}
    costs = macs(network.module, shape, list(sizes))
    remaining = sum(costs[name] * kept[name] / sizes[name] for name in sizes) / sum(costs.values())
    total = sum(kept.values())
    return [
        Fact(f"{model}: {percent:g} % of all weights as a count", str(floor), str(count), count == floor),
        Fact(f"{model}: survivors that this floor forces", str(forced), str(total), total == forced),
        Fact(
            f"{model}: fraction of multiply-adds that this floor forces to remain",
            f"{macs_forced:.3f}",
            f"{remaining:.3f}",
            round(remaining, 3) == macs_forced,
        ),
    ]


def feasible_sparsity(
    *, model: str, percents: Sequence[float], at_most: Sequence[float], shape: Sequence[int] = IMAGE, classes: int = 10
) -> list[Fact]:
    """The largest sparsity at which a floor can be met is 1 - Σ min(σ, n_l) / N.

    Args:
        model: a built-in model.
        percents: floors, as percentages of all prunable weights.
        at_most: the largest sparsity for each, in percent, to two decimals.
        shape: of one input.
        classes: number of classes.
    """
    sizes = build(model, shape=shape, classes=classes).sizes
    total = sum(sizes.values())
    facts = []
    for percent, expected in zip(percents, at_most, strict=True):
        floor = _floor(total, percent)
        largest = 100 * (1 - sum(min(floor, size) for size in sizes.values()) / total)
        statement = f"{model}, floor of {percent:g} % ({floor} weights): largest feasible sparsity in percent"
        facts.append(Fact(statement, f"{expected:.2f}", f"{largest:.2f}", f"{expected:.2f}" == f"{largest:.2f}"))
    return facts


def _floor(total: int, percent: float) -> int:
    return int((Decimal(repr(percent)) * total / 100).to_integral_value(ROUND_FLOOR))


FLOOR_INVARIANTS = Mechanism("floor-invariants", floor_invariants, "what a floor guarantees, in both readings of it")
RELEASED_FLOOR_STALLS = Mechanism(
    "released-floor-stalls", released_floor_stalls, "a feasible floor on which the released re-allocation never ends"
)
FLOOR_PRICE = Mechanism("floor-price", floor_price, "survivors and multiply-adds that a floor forces")
FEASIBLE_SPARSITY = Mechanism("feasible-sparsity", feasible_sparsity, "largest sparsity at which a floor can be met")
