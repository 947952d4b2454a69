"""What the papers say of how the methods that they compare are set up, held against the steps of these methods."""

from pathlib import Path

import pytest

from pruneproof.papers.load import load_paper
from pruneproof.papers.schema import RerunClaim, SetupClaim
from pruneproof.papers.setups import compare_setups

PAPERS = [load_paper(path.parent) for path in sorted((Path(__file__).parents[2] / "papers").glob("*/paper.toml"))]
SETUPS = [
    pytest.param(paper, claim, profile, id=f"{paper.info.id}-{claim.id}-{profile}")
    for paper in PAPERS
    for claim in paper.claims.claim
    if isinstance(claim, SetupClaim)
    for profile in claim.evidence
]


@pytest.mark.parametrize(("paper", "claim", "profile"), SETUPS)
def test_what_a_paper_says_of_its_set_ups_is_so(paper, claim, profile):
    pair = claim.evidence[profile]
    facts = compare_setups(paper.runs.runs(profile)[pair.run], pair.methods, claim.equal, claim.different)
    assert facts
    assert [fact for fact in facts if not fact.holds] == []


SPOKEN_OF = {"floor | floor-released"}
"""Pairs of global-mp whose set-ups follow from two claims: both are compared with the same third method."""


@pytest.mark.parametrize("profile", ["mini", "cpu", "lite", "full"])
def test_all_pairs_that_global_mp_compares_have_a_claim_about_their_set_up(profile):
    [paper] = [each for each in PAPERS if each.info.id == "global-mp"]
    compared, claimed = set(), set()
    for claim in paper.claims.claim:
        if isinstance(claim, RerunClaim) and profile in claim.evidence:
            read = {(operand.run, operand.method) for operand in claim.evidence[profile].operands}
            compared |= {
                " | ".join(sorted((one, other)))
                for run, one in read
                for again, other in read
                if run == again and one != other and not {one, other} & {"dense", "dense-longer"}
            }
        if isinstance(claim, SetupClaim) and profile in claim.evidence:
            claimed.add(" | ".join(sorted(claim.evidence[profile].methods)))
    assert compared - SPOKEN_OF <= claimed
