"""What of a claim is fixed before it is judged: its test, operands, margins and seeds, as one digest."""

from pruneproof.papers.paper import Paper
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
    evidence = claim.evidence[profile]
    runs, planned = paper.runs.runs(profile), paper.runs.profile(profile).seeds
    return digest_json(
        {
            "test": claim.test.id,
            "parameters": claim.test.options | evidence.parameters,
            "operands": [operand.model_dump(mode="json") for operand in evidence.operands],
            "seeds": {each.run: runs[each.run].seeds or planned for each in evidence.operands},
            "requires": paper.required(claim, profile),
            "headline": claim.headline,
        }
    )
