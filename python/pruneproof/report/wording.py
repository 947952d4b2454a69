"""How numbers, verdicts and scales are worded, the same in every form of report."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from pruneproof.papers.record import VERDICTS, ClaimRecord, Record
from pruneproof.statistics import rounded

Kind = Literal["printed", "setup", "mechanism", "re-run"]

SYMBOLS: Mapping[str, str] = {"holds": "✔", "fails": "✘", "inconclusive": "?", "not-run": "–"}
"""Verdicts readable without colour."""

KINDS: Mapping[Kind, tuple[str, str]] = {
    "printed": ("Printed", "The paper's text against its own tables. Nothing was trained."),
    "setup": ("Set-up", "How two methods are set up, read off their steps. Nothing was trained."),
    "mechanism": ("Mechanism", "Exact facts about networks and masks, checked here."),
    "re-run": ("Re-run", "Statistics over networks trained here, seed by seed."),
}

SCALES: Mapping[str, str] = {
    "small": (
        "Small-scale evidence from a re-implementation, not the paper's own scale: its data, networks and epochs are "
        "replaced by small ones. It shows whether an effect appears, not whether the paper's numbers are right."
    ),
    "reduced": (
        "Reduced-scale evidence from a re-implementation, not the paper's own scale: directions can be compared with "
        "the paper, accuracies cannot."
    ),
    "paper": "A re-implementation at the paper's own scale: its architectures, data and epochs.",
}

DIFFERENCES = {"paired-difference", "equivalence", "sign-change", "chosen-difference", "relative-gain"}
"""Tests whose value is a difference of two means."""

_UNITS = {
    "collapse": "share of seeds",
    "monotone-trend": "rank correlation",
    "agreement": "correlation",
    "rank-correlation": "rank correlation",
    "chosen-equivalence": "of the gain",
    "relative-gain": "share",
    "spread-ratio": "ratio of spreads",
}
"""Tests whose value is not in the unit of the claim."""


def signed(x: float) -> str:
    """Return a rounded number with its sign.

    >>> signed(0.5), signed(-1.25), signed(0.0)
    ('+0.5', '-1.25', '0')
    """
    text = rounded(x)
    return text if text.startswith("-") or text == "0" else f"+{text}"


def percent(fraction: float) -> str:
    """Return a fraction as a percentage, `97.5 %`.

    >>> percent(0.975), percent(0.9805), percent(0.29)
    ('97.5 %', '98.05 %', '29 %')
    """
    return f"{round(100 * fraction, 6):.5g} %"


def duration(seconds: float) -> str:
    """Return a length of time, rounded to what matters.

    >>> duration(12.34), duration(125), duration(8000)
    ('12.3 s', '2 min 5 s', '2 h 13 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def unit(claim: ClaimRecord) -> str:
    """Return the unit of a claim's value."""
    return _UNITS.get(claim.test, claim.unit)


def figure(claim: ClaimRecord) -> str:
    """Return our number of a claim with its unit, or how many facts are true; empty where nothing was found."""
    if claim.facts:
        true = sum(fact.holds for fact in claim.facts)
        return f"{true} of {len(claim.facts)} {'comparisons' if claim.kind == 'printed' else 'facts'} true"
    if claim.value is None:
        return ""
    if claim.test == "collapse":
        return f"{round(claim.value * claim.n)} of {claim.n} seeds collapsed"
    return f"{_show(claim, claim.value)} {unit(claim)}"


def spread(claim: ClaimRecord) -> str:
    """Return interval, level and seeds of a re-run claim, `[+0.2, +0.8] at 95 %, n = 8`; empty without a value."""
    if claim.kind != "re-run" or claim.value is None:
        return ""
    if claim.low is None or claim.high is None:
        return f"n = {claim.n}"
    what = "share in " if claim.test == "collapse" else "range " if claim.level is None else ""
    level = "" if claim.level is None else f" at {100 * claim.level:g} %"
    return f"{what}[{_show(claim, claim.low)}, {_show(claim, claim.high)}]{level}, n = {claim.n}"


def figure_with_spread(claim: ClaimRecord) -> str:
    """Return our number of a claim and what it rests on."""
    return " ".join(part for part in (figure(claim), spread(claim)) if part)


def _show(claim: ClaimRecord, x: float) -> str:
    return signed(x) if claim.test in DIFFERENCES else rounded(x)


def claims_by_kind(record: Record) -> dict[Kind, list[ClaimRecord]]:
    """Return the claims of each kind that has any, in the order of `KINDS`."""
    groups = {kind: [claim for claim in record.claims if claim.kind == kind] for kind in KINDS}
    return {kind: claims for kind, claims in groups.items() if claims}


def judged(claims: Iterable[ClaimRecord]) -> list[ClaimRecord]:
    """Return the claims that were tested."""
    return [claim for claim in claims if claim.verdict != "not-run"]


def not_run(claims: Iterable[ClaimRecord]) -> dict[str, list[ClaimRecord]]:
    """Return the claims that were not tested by the reason why."""
    found: dict[str, list[ClaimRecord]] = {}
    for claim in claims:
        if claim.verdict == "not-run":
            found.setdefault(claim.reason, []).append(claim)
    return found


def counts(record: Record, kind: Kind | None = None) -> dict[str, int]:
    """Return how many claims got each verdict, zeros included."""
    found = Counter(claim.verdict for claim in record.claims if kind in (None, claim.kind))
    return {verdict: found[verdict] for verdict in VERDICTS}  # type: ignore[index]


def counts_sentence(record: Record) -> str:
    """Return `12 claims: 8 hold, 2 fail, 1 inconclusive, 1 not run`."""
    found = counts(record)
    parts = ", ".join(f"{count} {VERDICTS[verdict]}" for verdict, count in found.items() if count)
    return f"{len(record.claims)} claim{'s' if len(record.claims) != 1 else ''}: {parts}"


def warnings(record: Record) -> list[str]:
    """Return what a reader must know before any verdict: the scale, and whether the run was altered or partial."""
    found = [SCALES[record.scale]]
    if record.is_variant:
        added = [f"plugin {plugin.name}" for plugin in record.plugins if plugin.role == "added"]
        what = "It changes the experiment" if not record.twins else "Arms run beside the paper's own"
        found.append(f"Variant: {', '.join([*record.variant, *added])}. {what}, so no claim is judged.")
    if record.only:
        found.append(f"Partial run: only {', '.join(record.only)}. What was left out counts as not run.")
    return found
