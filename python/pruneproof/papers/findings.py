"""Findings: the questions that a paper raises, answered by the verdicts of a record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from pruneproof.errors import UnknownName
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import ClaimRecord, Record, told

Answer = Literal["yes", "mostly yes", "in part", "mostly no", "no", "open", "not tested"]


@dataclass(frozen=True)
class Answered:
    """A question with the answer of one record."""

    question: str
    short: str
    answer: Answer
    claims: tuple[ClaimRecord, ...]
    """The claims that were judged."""
    figure: str = ""

    @property
    def counts(self) -> str:
        """How many claims got each verdict, `3 hold, 1 inconclusive`; empty where none was judged."""
        return told(Counter(claim.after_correction for claim in self.claims))

    @property
    def said(self) -> str:
        """The answer, with the remark that nothing which was computed here decided it, if so."""
        decided = {claim.kind for claim in self.claims if claim.after_correction != "inconclusive"}
        return f"{self.answer}, by the paper's own tables alone" if decided == {"printed"} else self.answer


def answer_of(verdicts: Sequence[str]) -> Answer:
    """Return what the verdicts of the claims behind a question say together.

    `yes` where every judged claim holds, `no` where every one fails (or is absent); `mostly` so where at least half do
    and the others are inconclusive; `in part` where some hold and some fail; `open` otherwise.

    >>> answer_of(["holds", "holds"]), answer_of(["fails", "absent", "inconclusive"]), answer_of(["holds", "fails"])
    ('yes', 'mostly no', 'in part')
    >>> answer_of(["holds", "inconclusive", "inconclusive"]), answer_of(["not-run"])
    ('open', 'not tested')
    """
    judged = [verdict for verdict in verdicts if verdict != "not-run"]
    hold, fail = judged.count("holds"), judged.count("fails") + judged.count("absent")
    if not judged:
        return "not tested"
    if hold and fail:
        return "in part"
    if hold + fail == len(judged):
        return "yes" if hold else "no"
    if 2 * (hold + fail) < len(judged):
        return "open"
    return "mostly yes" if hold else "mostly no"


def findings(paper: Paper, record: Record) -> tuple[Answered, ...]:
    """Return the paper's questions, answered by a record; none for a variant, whose claims are not judged."""
    if record.is_variant:
        return ()
    found = []
    for each in paper.claims.finding:
        claims = tuple(
            claim for claim in record.claims if matches(claim.id, each.claims) and claim.verdict != "not-run"
        )
        answer = answer_of([claim.after_correction for claim in claims])
        found.append(Answered(each.question, each.short, answer, claims, each.figure))
    return tuple(found)


def check_patterns(patterns: Sequence[str], record: Record) -> None:
    """Check that each pattern fits a claim of a record.

    Raises:
        UnknownName: one fits none.
    """
    known = [claim.id for claim in record.claims]
    for pattern in patterns:
        if not any(matches(name, [pattern]) for name in known):
            raise UnknownName.among("claim", pattern, known, where="--claim")


def matches(claim: str, patterns: Sequence[str]) -> bool:
    """Return whether a claim's id fits one of the patterns."""
    return any(fnmatchcase(claim, pattern) for pattern in patterns)
