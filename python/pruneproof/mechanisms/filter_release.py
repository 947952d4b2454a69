"""What the release of Lubana & Dick (2021) does otherwise than meant, shown on scores and counts alone."""

from collections.abc import Mapping, Sequence

import torch

from pruneproof.api import Catalog, Fact, MaskSet, Mechanism, Schedule, Selection, decimal_floor, select_masks


def drifting_target(catalog: Catalog, *, target: float, kept: Mapping[str, int]) -> list[Fact]:
    """With the share to keep cut to whole percents in each round, more rounds end at smaller networks.

    `kept` says rounds -> percent of the filters that the release keeps of a residual network. The schedule itself ends
    on the target for any number of rounds.
    """
    facts = []
    for rounds, expected in kept.items():
        found = 100
        for step in range(1, int(rounds) + 1):
            ratio = target / (step * target + int(rounds) * (1 - target))
            found = int(found * (1 - ratio) + 1e-9)
        facts.append(
            Fact(
                f"{rounds} rounds to {target:.0%}, whole percents: kept",
                f"{expected} %",
                f"{found} %",
                found == expected,
            )
        )
        last = catalog.get(Schedule, "front-loaded").sparsities(target, int(rounds))[-1]
        facts.append(
            Fact(f"{rounds} rounds to {target:.0%}, here: removed", f"{target:.0%}", f"{last:.0%}", last == target)
        )
    return facts


def dead_counted_as_kept(*, filters: int = 100, first: int = 40, then: int = 60) -> list[Fact]:
    """Where removed filters stay in the ranking with a score of 0, a signed measure lets some of them count as kept.

    Half of the survivors' scores are negative and go first; the rest of the budget then falls on the dead, of which
    some are left over.
    """
    scores = torch.linspace(-1.0, 1.0, filters)
    alive = torch.ones(filters, dtype=torch.bool)
    alive[torch.arange(first) * filters // first] = False
    facts = []
    for name, given in (("signed", scores), ("absolute", scores.abs())):
        ranked = torch.where(alive, given, 0.0)
        order = torch.sort(ranked, stable=True).indices
        kept = torch.ones(filters, dtype=torch.bool)
        kept[order[:then]] = False
        living = int((kept & alive).sum())
        fewer = living < filters - then
        statement = f"{name} scores, dead filters ranked at 0: living filters among {filters - then} that count as kept"
        expected = "fewer" if name == "signed" else "all"
        facts.append(Fact(statement, expected, "fewer" if fewer else "all", fewer == (name == "signed")))
        masks = MaskSet.from_tensors({"w": alive.reshape(-1, 1)})
        ours = select_masks(
            {"w": given.reshape(-1, 1)},
            keep=filters - then,
            selection=Selection(structure="filter", reduce="sum"),
            alive=masks,
        )
        count = ours.count("w")
        facts.append(
            Fact(
                f"{name} scores, dead filters out of the ranking: kept",
                f"{filters - then}",
                f"{count}",
                count == filters - then,
            )
        )
    return facts


def floor_of_the_last(*, width: int = 64, share: float = 0.05, plus: int = 1) -> list[Fact]:
    """A floor that protects the last filters by index keeps a layer's worst where scores fall with the index."""
    scores = torch.arange(width, 0, -1.0)
    least = decimal_floor(share, width) + plus
    last = scores.clone()
    last[-least:] = 1e7
    released = last.argsort(descending=True)[:least].sort().values.tolist()
    floor = {"id": "share-of-tensor", "share": share, "plus": plus}
    selection = Selection(structure="filter", reduce="sum", floor=floor)
    other = torch.full((10, 1), 1e6)
    ours = select_masks({"w": scores.reshape(-1, 1), "x": other}, keep=least + 10, selection=selection)
    kept = ours.row_counts("w").nonzero()[0].tolist()
    worst, best = list(range(width - least, width)), list(range(least))
    return [
        Fact(f"a layer of {width}, the released floor keeps", _span(worst), _span(released), released == worst),
        Fact(f"a layer of {width}, the floor here keeps", _span(best), _span(kept), kept == best),
    ]


def _span(places: Sequence[int]) -> str:
    return f"filters {places[0]} to {places[-1]}" if places else "none"


MECHANISMS = (
    Mechanism("drifting-target", drifting_target, "whole percents in every round end at smaller networks"),
    Mechanism("dead-counted-as-kept", dead_counted_as_kept, "signed scores let removed filters count as kept"),
    Mechanism("floor-of-the-last", floor_of_the_last, "a floor by index protects the worst filters"),
)
