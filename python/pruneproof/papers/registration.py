"""What of a claim is fixed before it is judged: its test, operands, margins and seeds, as one digest.

And whether the claims of a paper's files are those that a record registered.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pruneproof.papers.operands import said
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import ClaimRecord, Record, kept
from pruneproof.papers.schema import RerunClaim
from pruneproof.values.digests import digest_json


def registrable(paper: Paper, profile: str) -> dict[str, RerunClaim]:
    """Return the claims over seeds that have evidence at a profile, by id."""
    return {
        claim.id: claim for claim in paper.claims.claim if isinstance(claim, RerunClaim) and profile in claim.evidence
    }


def claim_digest(claim: RerunClaim, paper: Paper, profile: str) -> str:
    """Return a digest over everything that decides a claim's verdict, given the measurements.

    That is its test with all parameters, its operands (methods, sparsities, metrics, and the steps after which they are
    read), the seeds that the paper's files name for them, the claims that it or its runs require, and whether it is a
    headline.
    """
    runs, planned = paper.runs.runs(profile), paper.runs.profile(profile).seeds
    seeds = {each.run: runs[each.run].seeds or planned for each in claim.evidence[profile].operands}
    decided_by = {"requires": paper.required(claim, profile), "headline": claim.headline}
    return digest_json(_asked(claim, profile) | {"seeds": seeds} | decided_by)


def question_digest(claim: RerunClaim, profile: str) -> str:
    """Return a digest over what a claim asks, whichever seeds answer: its test, parameters and operands."""
    return digest_json(_asked(claim, profile))


def registration_digest(paper: Paper, profile: str, leaving_out: Collection[str]) -> str:
    """Return one digest over those of all claims over seeds that have evidence at a profile, but for some."""
    claims = registrable(paper, profile).items()
    return digest_json({name: claim_digest(claim, paper, profile) for name, claim in claims if name not in leaving_out})


@dataclass(frozen=True)
class Registered:
    """How the claims that a record registered compare with those of a paper's files."""

    agrees: bool
    """Whether they are the same but for those that the record marks as post hoc."""
    new: tuple[str, ...] = ()
    """Claims of the files that the record does not have."""
    changed: tuple[str, ...] = ()
    """Claims whose test, parameters, operands or place among the headlines is another one."""
    is_old_part_same: bool = False
    """Whether the same without the new ones were registered."""


def compare_registration(record: Record, paper: Paper) -> Registered | None:
    """Return whether a record registered the claims of a paper's files; None where it registered none.

    A record has one digest of all that it registered, and of each claim what the verdict rests on. So it can be told
    which claims are new, and of most that changed which these are, but not where only seeds or requirements did.
    """
    if not record.registration:
        return None
    known = {claim.id: claim for claim in record.claims}
    late = {name for name, claim in known.items() if claim.post_hoc}
    claims = registrable(paper, record.profile)

    def agrees(*leaving_out: str) -> bool:
        return kept(registration_digest(paper, record.profile, late | set(leaving_out))) == record.registration

    if agrees():
        return Registered(agrees=True)
    new = tuple(name for name in claims if name not in known or not known[name].operands)
    changed = tuple(
        name
        for name, claim in claims.items()
        if name not in new and name not in late and _as_recorded(claim, record.profile) != _recorded(known[name])
    )
    return Registered(agrees=False, new=new, changed=changed, is_old_part_same=bool(new) and agrees(*new))


def _as_recorded(claim: RerunClaim, profile: str) -> tuple[Any, ...]:
    asked = _asked(claim, profile)
    operands = tuple(map(said, claim.evidence[profile].operands))
    return asked["test"], asked["parameters"], operands, claim.headline


def _recorded(claim: ClaimRecord) -> tuple[Any, ...]:
    """Return the same of a record, without the parameters that judging adds."""
    added = {"resolution"} | ({"level"} if claim.looks else set())
    parameters = {name: value for name, value in claim.parameters.items() if name not in added}
    return claim.test, parameters, claim.operands, claim.headline


def _asked(claim: RerunClaim, profile: str) -> dict[str, Any]:
    evidence = claim.evidence[profile]
    return {
        "test": claim.test.id,
        "parameters": claim.test.options | evidence.parameters,
        "operands": [operand.model_dump(mode="json") for operand in evidence.operands],
    }
