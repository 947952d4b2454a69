"""Order: one threshold for all weights, and masks that shrink as sparsity grows."""

from collections.abc import Sequence
from itertools import pairwise

from pruneproof.api import Catalog, Fact, MaskSet, Mechanism, Selection, select_masks, stated
from pruneproof.mechanisms.networks import Network, build, magnitudes


def global_dominance(
    catalog: Catalog,
    *,
    model: str,
    sparsity: float,
    others: Sequence[str] = ("uniform", "erk", "lamp"),
    floor: int = 0,
    seed: int = 0,
) -> list[Fact]:
    """No pruned weight is larger than a kept one under the global scope; under `others`, or with a floor, some is."""
    network = build(catalog, model, seed=seed)
    plans = {"global": Selection()} | {scope: Selection(scope=scope) for scope in others}
    if floor:
        plans[f"global with a floor of {floor}"] = Selection(floor={"id": "count", "least": floor})
    facts = []
    for name, selection in plans.items():
        masks = select_masks(
            magnitudes(network), sparsity=sparsity, selection=selection, weights=network.weights, catalog=catalog
        )
        kept, pruned = _smallest_kept(network, masks), _largest_pruned(network, masks)
        relation = ">=" if name == "global" else "<"
        holds = (kept >= pruned) == (name == "global")
        statement = f"{model} at sparsity {sparsity:g}, scope {name}: smallest kept |w| against the largest pruned"
        facts.append(Fact(statement, f"{relation} {stated(pruned)}", stated(kept), holds))
    return facts


def nested_masks(catalog: Catalog, *, model: str, sparsities: Sequence[float], seed: int = 0) -> list[Fact]:
    """Of the same weights, the mask at a higher sparsity is part of the mask at a lower one."""
    scores = magnitudes(build(catalog, model, seed=seed))
    masks = {sparsity: select_masks(scores, sparsity=sparsity) for sparsity in sorted(sparsities)}
    return [
        Fact(
            f"{model}: the mask at sparsity {high:g} lies within the one at {low:g}",
            "yes",
            "yes" if (inside := masks[high].is_subset_of(masks[low])) else "no",
            inside,
        )
        for low, high in pairwise(masks)
    ]


def _smallest_kept(network: Network, masks: MaskSet) -> float:
    kept = (each[masks[name]] for name, each in network.weights.items())
    return min((float(each.abs().min()) for each in kept if each.numel()), default=float("inf"))


def _largest_pruned(network: Network, masks: MaskSet) -> float:
    pruned = (each[~masks[name]] for name, each in network.weights.items())
    return max((float(each.abs().max()) for each in pruned if each.numel()), default=0.0)


GLOBAL_DOMINANCE = Mechanism(
    "global-dominance", global_dominance, "every kept weight is at least as large as every pruned one"
)
NESTED_MASKS = Mechanism("nested-masks", nested_masks, "masks shrink as sparsity grows")
