from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import UnknownName
from pruneproof.papers.findings import answer_of, findings, matches
from pruneproof.papers.load import load_paper
from pruneproof.papers.record import Record

PAPERS = Path(__file__).parents[2] / "papers"
verdicts = st.lists(st.sampled_from(["holds", "fails", "absent", "inconclusive", "not-run"]), max_size=8)
FINDING = """
[[finding]]
question = "Does it learn, and lose by pruning?"
short = "learns, and loses by pruning"
claims = ["learnt", "ord*"]
"""


@given(verdicts)
def test_an_answer_never_hides_a_verdict_that_speaks_against_it(found):
    answer = answer_of(found)
    against = {"fails", "absent"} & set(found)
    if answer in ("yes", "mostly yes"):
        assert "holds" in found
        assert not against
    if answer in ("no", "mostly no"):
        assert against
        assert "holds" not in found
    assert (answer == "not tested") == (set(found) <= {"not-run"})
    assert answer != "yes" or set(found) <= {"holds", "not-run"}


@given(verdicts, st.randoms())
def test_an_answer_does_not_depend_on_order_or_on_what_was_not_run(found, random):
    shuffled = [*found, "not-run"]
    random.shuffle(shuffled)
    assert answer_of(shuffled) == answer_of(found)


@given(verdicts)
def test_an_open_claim_never_makes_an_answer_firmer(found):
    firmness = ["not tested", "open", "mostly yes", "mostly no", "yes", "no", "in part"]
    before, after = answer_of(found), answer_of([*found, "inconclusive"])
    assert before == "not tested" or firmness.index(after) <= firmness.index(before)


@pytest.fixture(scope="module", params=sorted(path.parent.name for path in PAPERS.glob("*/claims.toml")))
def paper(request):
    return load_paper(PAPERS / request.param)


@pytest.fixture
def record(paper):
    return Record.load(next(paper.folder.glob("records/mini-*.json")))


def test_questions_are_answered_by_the_judged_claims_that_their_patterns_name(paper, record):
    found = findings(paper, record)
    assert [each.question for each in found] == [each.question for each in paper.claims.finding]
    for each, said in zip(found, paper.claims.finding, strict=True):
        assert {claim.id for claim in each.claims} == {
            claim.id for claim in record.claims if claim.verdict != "not-run" and matches(claim.id, said.claims)
        }
        assert each.answer == answer_of([claim.after_correction for claim in each.claims])
        assert bool(each.counts) == (each.answer != "not tested")


@pytest.mark.parametrize(("corrected", "answer"), [("inconclusive", "open"), ("holds", "yes")])
def test_a_headline_claim_counts_as_it_stands_after_correction(corrected, answer):
    paper = load_paper(PAPERS / "gradient-flow")
    record = Record.load(next(paper.folder.glob("records/mini-*.json")))
    [claim] = [claim for claim in record.claims if claim.id == "m1-1"]
    alone = claim.model_copy(update={"verdict": "holds", "corrected": corrected})
    found = findings(paper, record.model_copy(update={"claims": (alone,)}))
    assert [each.answer for each in found if each.claims] == [answer]


def test_an_answer_says_when_nothing_that_was_computed_decides_it(paper, record):
    for each in findings(paper, record):
        computed = {claim.after_correction for claim in each.claims if claim.kind != "printed"} - {"inconclusive"}
        decided = {claim.after_correction for claim in each.claims} - {"inconclusive"}
        assert each.said.startswith(each.answer)
        assert ("tables alone" in each.said) == bool(decided and not computed)


def test_three_to_six_questions_are_asked_of_claims_that_count(paper):
    assert 3 <= len(paper.claims.finding) <= 6
    for each in paper.claims.finding:
        assert each.question.endswith("?")
        named = [claim for claim in paper.claims.claim if matches(claim.id, each.claims)]
        assert not {claim.strength for claim in named} & {"self-test", "unverified"}, each.question


def test_every_headline_claim_answers_a_question(paper):
    headlines = [claim.id for claim in paper.claims.claim if getattr(claim, "headline", False)]
    patterns = [pattern for each in paper.claims.finding for pattern in each.claims]
    assert [name for name in headlines if not matches(name, patterns)] == []


def test_a_variant_answers_nothing(paper, record):
    assert findings(paper, record.model_copy(update={"variant": ("mlp.sparsities=[0.5]",)})) == ()


def test_a_pattern_that_fits_no_claim_is_refused(tiny):
    claims = (tiny / "claims.toml").read_text()
    (tiny / "claims.toml").write_text(FINDING + claims)
    with pytest.raises(UnknownName, match=r'claim "learnt".*Nearest: "learns"'):
        load_paper(tiny)
