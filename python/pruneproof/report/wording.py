"""How claims, verdicts and scales are worded, the same in every form of report."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pruneproof.drawing.numbers import signed
from pruneproof.papers.claims import CLAIM_KINDS, ClaimKind
from pruneproof.papers.record import VERDICTS, ClaimRecord, Record, told
from pruneproof.statistics import rounded

SYMBOLS: Mapping[str, str] = {"holds": "✔", "fails": "✘", "absent": "∅", "inconclusive": "?", "not-run": "–"}
"""Verdicts readable without colour."""

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
SCALE_NAMES: Mapping[str, str] = {"small": "small scale", "reduced": "reduced scale", "paper": "the paper's scale"}


ANSWER_RULE = (
    "Answers follow from verdicts: yes where every judged claim holds, no where every one fails or is absent, mostly "
    "so where at least half do and the others are open, in part where some hold and some fail. Headline claims count "
    "as they stand after correction."
)
_UNCOUNTED: Mapping[str, str] = {
    "self-test": "self-tests of this package",
    "negative-control": "negative controls, which must fail",
    "unverified": "that we could not find in the paper",
}
"""Strengths of claims that are shown and not counted."""


@dataclass(frozen=True)
class ClaimGroup:
    """The claims of one kind in a record."""

    kind: ClaimKind
    claims: tuple[ClaimRecord, ...]

    @property
    def is_statistical(self) -> bool:
        """Whether these claims are about numbers with an interval, from networks trained here."""
        return any(claim.value is not None for claim in self.claims)

    @property
    def judged(self) -> list[ClaimRecord]:
        """Those that were tested."""
        return [claim for claim in self.claims if claim.verdict != "not-run"]

    @property
    def waiting(self) -> dict[str, list[ClaimRecord]]:
        """Those that were not, by the reason why."""
        found: dict[str, list[ClaimRecord]] = {}
        for claim in self.claims:
            if claim.verdict == "not-run":
                found.setdefault(claim.reason, []).append(claim)
        return found

    counts: Mapping[str, int]
    """How many of those that count got each verdict, zeros included."""


def claim_groups(record: Record) -> list[ClaimGroup]:
    """Return the claims of each kind that has any, in the order of `CLAIM_KINDS`."""
    groups = []
    for kind in CLAIM_KINDS:
        claims = tuple(claim for claim in record.claims if claim.kind == kind.id)
        found = Counter(str(claim.verdict) for claim in claims if counts(claim, record))
        groups.append(ClaimGroup(kind, claims, {verdict: found[verdict] for verdict in VERDICTS}))
    return [group for group in groups if group.claims]


def counts(claim: ClaimRecord, record: Record) -> bool:
    """Return whether a claim counts: one of a strength that does not, or that was not asked for, is only shown."""
    is_left_out = bool(record.only) and claim.verdict == "not-run"
    return claim.strength not in _UNCOUNTED and not is_left_out


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
    return claim.scale.unit or claim.unit


def figure(claim: ClaimRecord) -> str:
    """Return our number of a claim with its unit, or what was found of its facts; empty where nothing was found."""
    if len(claim.facts) == 1:
        return f"{claim.facts[0].found}, expected {claim.facts[0].expected}"
    if claim.facts:
        return f"{sum(fact.holds for fact in claim.facts)} of {len(claim.facts)} true"
    if claim.value is None:
        return ""
    if claim.scale.counts:
        return f"{round(claim.value * claim.n)} of {claim.n} seeds {claim.scale.counts}"
    return f"{_show(claim, claim.value)} {unit(claim)}"


def spread(claim: ClaimRecord) -> str:
    """Return interval, level and seeds of a claim with a number, `[+0.2, +0.8] at 95 %, n = 8`; empty without one."""
    if claim.value is None:
        return ""
    if claim.low is None or claim.high is None:
        return f"n = {claim.n}"
    what = "share in " if claim.scale.counts else "range " if claim.level is None else ""
    level = "" if claim.level is None else f" at {100 * claim.level:.3g} %"
    return f"{what}[{_show(claim, claim.low)}, {_show(claim, claim.high)}]{level}, n = {claim.n}"


def figure_with_spread(claim: ClaimRecord) -> str:
    """Return our number of a claim and what it rests on."""
    return " ".join(part for part in (figure(claim), spread(claim)) if part)


def _show(claim: ClaimRecord, x: float) -> str:
    return signed(x) if claim.scale.signed else rounded(x)


def counts_sentence(record: Record) -> str:
    """Return `12 claims: 8 hold, 2 fail, 1 inconclusive, 1 not run; not counted: 3 self-tests`."""
    counted = [claim for claim in record.claims if counts(claim, record)]
    parts = told(Counter(claim.verdict for claim in counted))
    said = f"{len(counted)} claim{'s' if len(counted) != 1 else ''}: {parts or 'nothing was judged'}"
    others = Counter(claim.strength for claim in record.claims)
    uncounted = [f"{others[strength]} {words}" for strength, words in _UNCOUNTED.items() if others[strength]]
    return "; not counted: ".join([said, *([", ".join(uncounted)] if uncounted else [])])


def standing(claim: ClaimRecord) -> str:
    """Return whether a claim is a headline, with the verdict that correction leaves, late, or judged before."""
    headline = ", ".join(filter(None, ["headline", correction(claim)]))
    look = f"look {len(claim.looks) + 1}, at error rate {claim.left or 0:.2g}"
    parts = [(headline, claim.headline), ("post hoc", claim.post_hoc), (look, claim.looks)]
    return "; ".join(words for words, applies in parts if applies)


def correction(claim: ClaimRecord) -> str:
    """Return the verdict that correction leaves of a headline claim; empty where it changes nothing."""
    return "" if claim.after_correction == claim.verdict else f"{claim.after_correction} after correction"


def headline_sentence(record: Record) -> str:
    """Return how verdicts are corrected for their number; empty where no claim was tested over seeds."""
    tested = [claim for claim in record.claims if claim.p is not None]
    headline = [claim for claim in record.claims if claim.corrected is not None]
    if not tested:
        return ""
    if not headline:
        return "No claim is named as a headline: verdicts are not corrected for the number of claims."
    parts = told(Counter(claim.corrected for claim in headline if claim.corrected is not None))
    return (
        f"{len(headline)} headline claim{'s' if len(headline) != 1 else ''}, corrected together for their number "
        f"(Holm, at most 5 % for any wrong verdict): {parts}; all other claims over seeds are secondary, each with an "
        "error rate of its own."
    )


def registration_sentence(record: Record) -> str:
    """Return when the claims over seeds were fixed; empty where the record does not say."""
    if not record.registered:
        return ""
    late = sum(claim.post_hoc for claim in record.claims)
    said = f"Claims over seeds were registered by {record.registered}"
    if not late:
        return f"{said}, before any of their measurements."
    return f"{said}; {late} of them, marked post hoc, when some of their measurements existed."


def looks_sentence(record: Record) -> str:
    """Return which claims were judged before on other seeds, and that this is corrected for; empty where none was."""
    again = [claim for claim in record.claims if claim.looks and claim.verdict != "not-run"]
    if not again:
        return ""
    looks = dict.fromkeys(" and ".join(map(_seeds, claim.looks)) for claim in again)
    return (
        f"{len(again)} claim{'s' if len(again) != 1 else ''}, marked by the number of the look, had been judged in "
        f"the same store before, on other seeds ({'; '.join(looks)}): each is judged at what the earlier looks leave "
        "of its error rate, so that all its looks together stay within it."
    )


def _seeds(look: Sequence[int]) -> str:
    """Return the seeds of a look, `5 seeds 0 to 4` where they follow each other.

    >>> _seeds((0, 1, 2)), _seeds((3, 7))
    ('3 seeds 0 to 2', '2 seeds 3, 7')
    """
    first, last = look[0], look[-1]
    is_range = len(look) > 2 and tuple(look) == tuple(range(first, last + 1))
    return f"{len(look)} seeds {f'{first} to {last}' if is_range else ', '.join(map(str, look))}"


def warnings(record: Record) -> list[str]:
    """Return what a reader must know before any verdict: the scale, and whether the run was altered or partial."""
    found = [SCALES[record.scale]]
    if record.is_variant:
        added = [f"plugin {plugin.name}" for plugin in record.plugins if plugin.role == "added"]
        what = "It changes the experiment" if not record.twins else "Twins of the paper's methods run with it"
        found.append(f"Variant: {', '.join([*record.variant, *added])}. {what}, so no claim is judged.")
    if record.only:
        found.append(f"Partial run: only {', '.join(record.only)}. What was left out is not counted.")
    passed = [claim.id for claim in record.claims if claim.strength == "negative-control" and claim.verdict == "holds"]
    if passed:
        found.append(f"Negative controls that should fail hold: {', '.join(passed)}. Claims like them decide little.")
    return found
