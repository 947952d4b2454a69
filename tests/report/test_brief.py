"""The short form that a run prints."""

import pytest
from rich.console import Console

from pruneproof.papers.findings import findings
from pruneproof.report.brief import print_brief
from pruneproof.report.wording import SYMBOLS, claim_groups, counts, counts_sentence


def shown(record, paper, width=80):
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        print_brief(record, paper, console)
    return capture.get()


def cut(name):
    """Return an id as it stands in a column of 22."""
    return name if len(name) <= 22 else f"{name[:21]}…"


@pytest.fixture
def paper(papers):
    return papers["global-mp"]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_wider_than_the_terminal(record, paper, width):
    assert max(map(len, shown(record, paper, width).splitlines())) <= width


def test_each_question_stands_with_its_answer_before_its_claims(record, paper):
    lines = shown(record, paper, 200).splitlines()
    for each in findings(paper, record):
        at = lines.index(each.question)
        assert lines[at + 1].startswith(f"{each.said.capitalize()}: {each.counts}")
        for offset, claim in enumerate(each.claims):
            assert lines[at + 2 + offset].split()[:3] == [SYMBOLS[claim.verdict], claim.verdict, cut(claim.id)]


def test_every_judged_claim_that_counts_has_one_line_and_no_other_has_one(record, paper):
    lines = [line.split() for line in shown(record, paper, 200).splitlines()]
    named = [words[2] for words in lines if len(words) > 2 and words[0] in SYMBOLS.values()]
    judged = [claim for group in claim_groups(record) for claim in group.judged if counts(claim, record)]
    assert sorted(named) == sorted(cut(claim.id) for claim in judged)


def test_the_counts_and_the_scale_stand_at_the_end(record, paper):
    text = " ".join(shown(record, paper).split())
    assert counts_sentence(record) in text
    assert text.endswith("not whether the paper's numbers are right.")


def test_a_paper_without_questions_lists_its_claims(tiny_record, tiny_paper):
    assert "\nClaims\n" in shown(tiny_record, tiny_paper)


def test_a_variant_shows_its_measurements_and_answers_nothing(variant, paper):
    text = shown(variant, paper)
    assert "no verdicts: a variant" in text
    assert "Is Global MP" not in text
