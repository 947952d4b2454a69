"""Counting: how many weights a sparsity leaves alive."""

from collections.abc import Sequence
from decimal import Decimal

from pruneproof.api import Catalog, Fact, Mechanism, Selection, select_masks
from pruneproof.mechanisms.networks import build, magnitudes


def exact_counts(
    catalog: Catalog,
    *,
    model: str,
    sparsities: Sequence[float],
    seed: int = 0,
    rule: str = "global-mp-released",
    within: int = 2,
) -> list[Fact]:
    """Exactly N - floor(κN) weights survive, and at most `within` fewer or more by the rule of a published code."""
    scores = magnitudes(build(catalog, model, seed=seed))
    facts = []
    for sparsity in sparsities:
        size = sum(each.numel() for each in scores.values())
        keep = size - int(Decimal(repr(sparsity)) * size)
        exact = select_masks(scores, sparsity=sparsity).count()
        facts.append(Fact(f"{model} at sparsity {sparsity:g}: survivors", str(keep), str(exact), exact == keep))
        published = select_masks(scores, sparsity=sparsity, selection=Selection(count=rule), catalog=catalog).count()
        facts.append(
            Fact(
                f"{model} at sparsity {sparsity:g}: survivors by the rule {rule}",
                f"{keep} ± {within}",
                str(published),
                abs(published - keep) <= within,
            )
        )
    return facts


EXACT_COUNTS = Mechanism("exact-counts", exact_counts, "a sparsity leaves exactly N - floor(κN) weights")
