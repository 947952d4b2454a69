"""Allocations: LAMP leaves no tensor empty, uniform prunes the same share of multiply-adds as of weights."""

from collections.abc import Mapping, Sequence
from typing import Any

from pruneproof.api import Catalog, Fact, Mechanism, Selection, keep_count, macs, macs_pruned, select_masks
from pruneproof.mechanisms.networks import IMAGE, build, magnitudes


def lamp_never_empties(
    catalog: Catalog,
    *,
    model: str,
    sparsities: Sequence[float],
    model_options: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Fact]:
    """LAMP keeps a weight of every tensor as long as there are as many survivors as tensors.

    The largest weight of each tensor has the score 1, the largest there is. The hardest budget, one weight per tensor,
    is always tried too.
    """
    network = build(catalog, model, seed=seed, options=model_options)
    size, tensors = sum(network.sizes.values()), len(network.weights)
    budgets = [keep_count(size, sparsity) for sparsity in sparsities] + [tensors]
    facts = []
    for keep in budgets:
        masks = select_masks(
            magnitudes(network), keep=keep, selection=Selection(scope="lamp"), weights=network.weights, catalog=catalog
        )
        empty = masks.empty_tensors()
        statement = f"{model} ({tensors} tensors), LAMP keeping {keep} of {size}: emptied tensors"
        facts.append(Fact(statement, "0", str(len(empty)), not empty))
    return facts


def flops_identity(
    catalog: Catalog,
    *,
    model: str,
    sparsities: Sequence[float],
    shape: Sequence[int] = IMAGE,
    classes: int = 10,
    seed: int = 0,
) -> list[Fact]:
    """Uniform sparsity s prunes the fraction s of the multiply-adds, up to one weight per tensor."""
    network = build(catalog, model, shape=shape, classes=classes, seed=seed)
    sizes = network.sizes
    costs = macs(network.module, shape, list(sizes))
    rounding = sum(costs[name] / sizes[name] for name in sizes) / sum(costs.values())
    facts = []
    for sparsity in sparsities:
        masks = select_masks(
            magnitudes(network), sparsity=sparsity, selection=Selection(scope="uniform"), catalog=catalog
        )
        pruned = macs_pruned(costs, {name: masks.density(name) for name in sizes})
        statement = f"{model}, uniform sparsity {sparsity:g}: fraction of multiply-adds pruned"
        holds = abs(pruned - sparsity) <= rounding
        facts.append(Fact(statement, f"{sparsity:g} ± {rounding:.2g}", f"{pruned:.6f}", holds))
    return facts


def network_size(
    catalog: Catalog,
    *,
    model: str,
    shape: Sequence[int],
    classes: int,
    tensors: int | None = None,
    weights: int | None = None,
    multiply_adds: float | None = None,
    digits: int = 4,
    model_options: Mapping[str, Any] | None = None,
) -> list[Fact]:
    """The architecture has the stated prunable tensors, weights and multiply-adds (`digits` significant ones)."""
    network = build(catalog, model, shape=shape, classes=classes, options=model_options)
    facts = []
    if tensors is not None:
        found = len(network.weights)
        facts.append(Fact(f"{model}: prunable tensors", str(tensors), str(found), found == tensors))
    if weights is not None:
        total = sum(network.sizes.values())
        facts.append(Fact(f"{model}: prunable weights", str(weights), str(total), total == weights))
    if multiply_adds is not None:
        cost = sum(macs(network.module, shape, list(network.weights)).values())
        expected, written = f"{multiply_adds:.{digits}g}", f"{cost:.{digits}g}"
        facts.append(
            Fact(f"{model}: multiply-adds on {tuple(shape)}", expected, f"{cost} ({written})", expected == written)
        )
    return facts


LAMP_NEVER_EMPTIES = Mechanism("lamp-never-empties", lamp_never_empties, "LAMP keeps a weight of every tensor")
FLOPS_IDENTITY = Mechanism("flops-identity", flops_identity, "uniform sparsity prunes the same share of multiply-adds")
NETWORK_SIZE = Mechanism("network-size", network_size, "tensors, weights and multiply-adds of an architecture")
