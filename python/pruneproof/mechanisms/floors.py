"""Floors: what a minimum number of survivors per tensor guarantees, costs and forbids."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from pruneproof.api import (
    Catalog,
    Fact,
    Floor,
    InfeasibleSelection,
    Mechanism,
    Selection,
    keep_count,
    macs,
    select_masks,
)
from pruneproof.mechanisms.networks import IMAGE, build, magnitudes


def floor_invariants(
    catalog: Catalog,
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
    network = build(catalog, model, seed=seed, options=model_options)
    scores, sizes = magnitudes(network), network.sizes
    keep = keep_count(sum(sizes.values()), sparsity)
    plain = select_masks(scores, sparsity=sparsity)
    label = f"{model} at sparsity {sparsity:g}, floor {floor}"
    facts = []
    for mode in ("protect", "released"):
        masks = select_masks(scores, sparsity=sparsity, selection=_floored(mode, floor), catalog=catalog)
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
    same = select_masks(scores, sparsity=sparsity, selection=_floored("protect", 0), catalog=catalog) == plain
    facts.append(Fact(f"{model}: a floor of 0 gives plain global magnitude", "yes", "yes" if same else "no", same))
    facts.append(
        _refusal(
            catalog, f"{model} at sparsity {sparsity:g}, floor {infeasible_floor}", scores, sparsity, infeasible_floor
        )
    )
    return facts


def released_floor_stalls(
    catalog: Catalog,
    *,
    scores: Mapping[str, Sequence[float]],
    sparsity: float,
    floor: int,
    protected: Mapping[str, int],
) -> list[Fact]:
    """A feasible floor on which the released re-allocation never ends, because a tensor of sparsity 0 cannot be scaled.

    Args:
        catalog: where models and rules are looked up.
        scores: tensor -> magnitudes.
        sparsity: fraction removed.
        floor: survivors of each tensor.
        protected: tensor -> survivors when floors are protected and the rest is filled by rank.
    """
    tensors = {name: torch.tensor(each, dtype=torch.float64) for name, each in scores.items()}
    masks = select_masks(tensors, sparsity=sparsity, selection=_floored("protect", floor), catalog=catalog)
    found = {name: masks.count(name) for name in tensors}
    label = f"{len(tensors)} tensors at sparsity {sparsity:g}, floor {floor}"
    return [
        Fact(
            f"{label}: survivors when floors are protected", str(dict(protected)), str(found), found == dict(protected)
        ),
        _refusal(catalog, f"{label}, released", tensors, sparsity, floor, mode="released"),
    ]


def _refusal(
    catalog: Catalog, label: str, scores: Mapping[str, torch.Tensor], sparsity: float, floor: int, mode: str = "protect"
) -> Fact:
    try:
        masks = select_masks(scores, sparsity=sparsity, selection=_floored(mode, floor), catalog=catalog)
    except InfeasibleSelection:
        return Fact(f"{label}: selection", "refused", "refused", True)
    return Fact(f"{label}: selection", "refused", f"{masks.count()} survivors", False)


def floor_price(
    catalog: Catalog,
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
        catalog: where models and rules are looked up.
        model: a built-in model.
        shape: of one input.
        classes: number of classes.
        percent: the floor as a percentage of all prunable weights.
        floor: the same as a count.
        forced: Σ min(σ, n_l).
        macs_forced: the least fraction of multiply-adds that remains, to three decimals.
    """
    network = build(catalog, model, shape=shape, classes=classes)
    sizes = network.sizes
    count = _count(catalog, sizes, percent)
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
    catalog: Catalog,
    *,
    model: str,
    percents: Sequence[float],
    at_most: Sequence[float],
    shape: Sequence[int] = IMAGE,
    classes: int = 10,
) -> list[Fact]:
    """The largest sparsity at which a floor can be met is 1 - Σ min(σ, n_l) / N.

    Args:
        catalog: where models and rules are looked up.
        model: a built-in model.
        percents: floors, as percentages of all prunable weights.
        at_most: the largest sparsity for each, in percent, to two decimals.
        shape: of one input.
        classes: number of classes.
    """
    sizes = build(catalog, model, shape=shape, classes=classes).sizes
    total = sum(sizes.values())
    facts = []
    for percent, expected in zip(percents, at_most, strict=True):
        floor = _count(catalog, sizes, percent)
        largest = 100 * (1 - sum(min(floor, size) for size in sizes.values()) / total)
        statement = f"{model}, floor of {percent:g} % ({floor} weights): largest feasible sparsity in percent"
        facts.append(Fact(statement, f"{expected:.2f}", f"{largest:.2f}", f"{expected:.2f}" == f"{largest:.2f}"))
    return facts


def _floored(mode: str, least: int) -> Selection:
    return Selection(floor={"id": "global-mp-released" if mode == "released" else "count", "least": least})


def _count(catalog: Catalog, sizes: Mapping[str, int], percent: float) -> int:
    """Return a floor in percent of all weights as the count that it is for every tensor."""
    return min(catalog.get(Floor, "share-of-all").least(sizes, percent=percent).values())


FLOOR_INVARIANTS = Mechanism("floor-invariants", floor_invariants, "what a floor guarantees, in both readings of it")
RELEASED_FLOOR_STALLS = Mechanism(
    "released-floor-stalls", released_floor_stalls, "a feasible floor on which the released re-allocation never ends"
)
FLOOR_PRICE = Mechanism("floor-price", floor_price, "survivors and multiply-adds that a floor forces")
FEASIBLE_SPARSITY = Mechanism("feasible-sparsity", feasible_sparsity, "largest sparsity at which a floor can be met")
