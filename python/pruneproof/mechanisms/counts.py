"""Counting: how many weights a sparsity leaves alive."""

from collections.abc import Sequence
from decimal import Decimal

from pruneproof.api import Fact, Mechanism, Selection
from pruneproof.mechanisms.networks import build, magnitudes
from pruneproof.selection.select import select_masks


def exact_counts(
    *, model: str, sparsities: Sequence[float], seed: int = 0, preset: str = "global-mp-released", within: int = 2
) -> list[Fact]:
    """Exactly N - floor(κN) weights survive, and at most `within` fewer or more by the rule of a published code."""
    scores = magnitudes(build(model, seed=seed))
    facts = []
    for sparsity in sparsities:
        size = sum(each.numel() for each in scores.values())
        keep = size - int(Decimal(repr(sparsity)) * size)
        exact = select_masks(scores, sparsity=sparsity).count()
        facts.append(Fact(f"{model} at sparsity {sparsity:g}: survivors", str(keep), str(exact), exact == keep))
        published = select_masks(scores, sparsity=sparsity, selection=Selection(preset=preset)).count()
        facts.append(
            Fact(
                f"{model} at sparsity {sparsity:g}: survivors by the rule {preset}",
                f"{keep} ± {within}",
                str(published),
                abs(published - keep) <= within,
            )
        )
    return facts


EXACT_COUNTS = Mechanism("exact-counts", exact_counts, "a sparsity leaves exactly N - floor(κN) weights")
