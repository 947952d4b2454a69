"""Methods of the shipped papers are set up as the claims on set-ups say."""

from pathlib import Path

import pytest

from pruneproof.papers.load import load_paper
from pruneproof.papers.setups import compare_setups

PAPERS = [load_paper(Path(__file__).parents[2] / "papers" / n) for n in ("emerging-paradigms", "fairness-trainability")]
SETUPS = [
    pytest.param(paper, claim, profile, pair, id=f"{paper.info.id}-{claim.id}-{profile}")
    for paper in PAPERS
    for claim in paper.claims.claim
    if claim.kind == "setup"
    for profile, pair in claim.evidence.items()
]


@pytest.mark.parametrize(("paper", "claim", "profile", "pair"), SETUPS)
def test_methods_are_set_up_as_their_claims_say(paper, claim, profile, pair):
    run = paper.runs.runs(profile)[pair.run]
    facts = compare_setups(run, pair.methods, claim.equal, claim.different)
    assert [fact for fact in facts if not fact.holds] == []
