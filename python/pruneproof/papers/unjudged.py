"""What a profile measures that no claim reads."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from pruneproof.papers.check_claims import sparsities_of
from pruneproof.papers.paper import Paper
from pruneproof.papers.schema import RerunClaim
from pruneproof.papers.short_form import DENSE


@dataclass(frozen=True)
class Open:
    """A method at a sparsity that is measured and not judged."""

    run: str
    method: str
    sparsity: float
    why: str
    """The reason that claims.toml gives; empty where it gives none."""


def unjudged(paper: Paper, profile: str) -> list[Open]:
    """Return what is measured at a profile and feeds no claim, in the order of the runs; `dense` needs none.

    A network that was trained and measured is evidence. Where no claim reads it, a reader must be able to see that, and
    why: an unfavourable result that nobody asks about is a selected one.
    """
    judged = {
        (operand.run, operand.method, operand.sparsity)
        for claim in paper.claims.claim
        if isinstance(claim, RerunClaim) and profile in claim.evidence
        for operand in claim.evidence[profile].operands
    }
    reasons = paper.claims.unjudged.get(profile, ())
    found = []
    for name, run in paper.runs.runs(profile).items():
        for method, sparsities in sparsities_of(run).items():
            for sparsity in dict.fromkeys(sparsities):
                if method == DENSE or (name, method, sparsity) in judged:
                    continue
                fitting = [
                    each.why
                    for each in reasons
                    if each.run == name and fnmatchcase(method, each.method)
                    if sparsity in (each.sparsities or (sparsity,))
                ]
                found.append(Open(name, method, sparsity, fitting[0] if fitting else ""))
    return found
