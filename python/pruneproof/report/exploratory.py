"""What was measured and compared by no claim, though it is clear of zero: a short table, marked as exploratory."""

from collections import Counter
from collections.abc import Sequence

from pruneproof.drawing.numbers import percent
from pruneproof.papers.uncompared import Uncompared
from pruneproof.report.comparison import difference_of

SHOWN = 10
"""How many differences are listed."""
OF_ONE = 3
"""How many of them may be of one run, sparsity and metric, before those of others."""
HEADS = ("run", "sparsity", "method", "compared with", "metric", "difference", "interval", "n")


def exploratory_sentence(found: Sequence[Uncompared]) -> str:
    """Return what the table is, and how many differences there are in all; empty where there are none."""
    if not found:
        return ""
    better = sum(each.is_better for each in found)
    worse = len(found) - better
    both = " and ".join(f"{count} {word}" for count, word in ((better, "better"), (worse, "worse")) if count)
    most = f"the {SHOWN} most extreme are listed, better ones first, at most {OF_ONE} of one run, sparsity and metric"
    return (
        f"Measured, compared by no claim, and clear of zero on these seeds: {both} than the method of the run that "
        f"most claims read{'' if len(found) <= SHOWN else f'; {most}'}. Exploratory: looked for afterwards, each at an "
        "error rate of 5 % of its own, uncorrected."
    )


def exploratory_rows(found: Sequence[Uncompared]) -> list[tuple[str, ...]]:
    """Return the texts below `HEADS` of the differences that are listed."""
    seen: Counter[tuple[str, float, str, str]] = Counter()
    first: list[Uncompared] = []
    later: list[Uncompared] = []
    for each in found:
        place = (each.run, each.sparsity, each.at, each.metric)
        (first if seen[place] < OF_ONE else later).append(each)
        seen[place] += 1
    listed = sorted([*first, *later][:SHOWN], key=found.index)
    return [
        (
            each.run,
            percent(each.sparsity),
            each.method,
            each.reference,
            each.metric if each.at == "end" else f"{each.metric}, {each.at}",
            f"{difference_of(each.value, each.unit)} {'points' if each.unit == '%' else each.unit}".strip(),
            f"[{difference_of(each.low, each.unit)}, {difference_of(each.high, each.unit)}] "
            f"at {100 * each.level:.3g} %",
            str(each.n),
        )
        for each in listed
    ]
