import io
from dataclasses import replace

import pytest
from rich.console import Console

from pruneproof.contracts.claims import ValueScale
from pruneproof.papers.claims import CLAIM_KINDS
from pruneproof.papers.record import ClaimRecord
from pruneproof.report.html import render_html
from pruneproof.report.markdown import render_markdown
from pruneproof.report.summary import claims_table
from pruneproof.report.terminal import print_record
from pruneproof.report.wording import (
    SCALES,
    SYMBOLS,
    claim_groups,
    counts_sentence,
    figure,
    figure_with_spread,
    headline_sentence,
    looks_sentence,
    registration_sentence,
    spread,
    standing,
    unit,
    warnings,
)


def by_id(record, name):
    return next(claim for claim in record.claims if claim.id == name)


def test_symbols_differ_so_that_verdicts_read_without_colour():
    assert len(set(SYMBOLS.values())) == len(SYMBOLS) == 5


def test_kinds_are_kept_apart_and_none_is_lost(record):
    groups = claim_groups(record)
    assert [group.kind.id for group in groups] == ["printed", "setup", "mechanism", "re-run"]
    assert sum(len(group.claims) for group in groups) == len(record.claims)
    for group in groups:
        counted = [
            claim for claim in group.claims if claim.strength not in ("self-test", "negative-control", "unverified")
        ]
        assert sum(group.counts.values()) == len(counted)
        waiting = sum(map(len, group.waiting.values()))
        assert waiting + len(group.judged) == len(group.claims)


def test_a_kind_is_statistical_by_what_its_records_have(record):
    assert [group.kind.id for group in claim_groups(record) if group.is_statistical] == ["re-run"]
    for kind in CLAIM_KINDS:
        claims = tuple(claim.model_copy(update={"kind": kind.id}) for claim in record.claims)
        [group] = claim_groups(record.model_copy(update={"claims": claims}))
        assert (group.kind, group.is_statistical) == (kind, True)


def test_the_sentence_names_only_verdicts_that_occur(record):
    holding = tuple(claim for claim in record.claims if claim.verdict == "holds" and claim.strength == "control")
    assert (
        counts_sentence(record.model_copy(update={"claims": holding})) == f"{len(holding)} claims: {len(holding)} hold"
    )


def with_strengths(record, *strengths):
    [claim, *_] = (claim for claim in record.claims if claim.verdict == "holds")
    claims = tuple(claim.model_copy(update={"strength": strength}) for strength in strengths)
    return record.model_copy(update={"claims": claims})


def test_self_tests_and_what_nobody_claims_are_named_and_not_counted(record):
    mixed = with_strengths(record, "stated", "self-test", "control", "self-test", "unverified")
    assert counts_sentence(mixed) == (
        "2 claims: 2 hold; not counted: 2 self-tests of this package, 1 that we could not find in the paper"
    )
    assert sum(sum(group.counts.values()) for group in claim_groups(mixed)) == 2


def test_a_negative_control_is_not_counted_and_warned_of_when_it_holds(record):
    mixed = with_strengths(record, "stated", "negative-control")
    assert counts_sentence(mixed) == "1 claim: 1 hold; not counted: 1 negative controls, which must fail"
    assert any(mixed.claims[1].id in each for each in warnings(mixed))
    failed = mixed.claims[1].model_copy(update={"verdict": "fails"})
    as_it_must = mixed.model_copy(update={"claims": (mixed.claims[0], failed)})
    assert not any("egative control" in each for each in warnings(as_it_must))


def test_what_a_partial_run_left_out_is_not_counted(record):
    asked = with_strengths(record, "stated", "implied")
    left_out = asked.claims[1].model_copy(update={"verdict": "not-run"})
    partial = asked.model_copy(update={"claims": (asked.claims[0], left_out), "only": ("mlp/*",)})
    assert counts_sentence(partial) == "1 claim: 1 hold"
    assert counts_sentence(partial.model_copy(update={"only": ()})) == "2 claims: 1 hold, 1 not run"


def test_a_difference_has_a_sign_an_interval_its_level_and_n(record):
    values = {"value": 24.67, "low": 18.47, "high": 29.93, "level": 0.95, "n": 8}
    claim = by_id(record, "r1-uniform-99").model_copy(update=values)
    assert figure(claim) == "+24.67 points"
    assert spread(claim) == "[+18.47, +29.93] at 95 %, n = 8"
    assert figure_with_spread(claim) == f"{figure(claim)} {spread(claim)}"


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        (ValueScale(), "0.8 points [0.5, 1] at 95 %, n = 5"),
        (ValueScale(signed=True), "+0.8 points [+0.5, +1] at 95 %, n = 5"),
        (ValueScale(unit="rank correlation", range=(-1, 1)), "0.8 rank correlation [0.5, 1] at 95 %, n = 5"),
        (ValueScale(unit="share", counts="revived"), "4 of 5 seeds revived share in [0.5, 1] at 95 %, n = 5"),
    ],
    ids=["plain", "signed", "unit", "counts"],
)
def test_a_value_is_worded_by_its_scale_whatever_the_test(record, scale, said):
    claim = by_id(record, "r1-uniform-99")
    values = {"value": 0.8, "low": 0.5, "high": 1.0, "level": 0.95, "n": 5, "test": "one-of-a-plugin", "scale": scale}
    assert figure_with_spread(claim.model_copy(update=values)) == said


def test_units_follow_the_scale(record):
    found = {claim.test: unit(claim) for claim in record.claims if claim.value is not None}
    assert found["collapse"] == "share of seeds"
    assert found["monotone-trend"] == "rank correlation"
    assert found["threshold"] == "points"


def test_a_range_is_no_confidence_interval(record):
    values = {"value": 0.995, "low": 0.993, "high": 0.997, "level": None, "n": 5, "scale": ValueScale()}
    agreement = by_id(record, "r8").model_copy(update=values)
    assert spread(agreement) == "range [0.993, 0.997], n = 5"


def test_one_fact_is_told_as_found_and_several_are_counted(record):
    assert figure(by_id(record, "p2")) == "95.68, difference -0.16, expected >= 95.84"
    assert figure(by_id(record, "m7-mobilenet-v2")) == "6 of 6 true"


def test_a_claim_that_was_not_run_has_no_number(record):
    waiting = [claim for claim in record.claims if claim.verdict == "not-run"]
    assert waiting
    assert {figure_with_spread(claim) for claim in waiting} == {""}


@pytest.mark.parametrize("scale", ["small", "reduced"])
def test_below_the_papers_scale_it_is_said(record, scale):
    assert warnings(record.model_copy(update={"scale": scale})) == [SCALES[scale]]
    assert "not the paper's own scale" in SCALES[scale]


def test_overrides_twins_and_partial_runs_are_said(variant, twins):
    text = " ".join(warnings(variant))
    assert "mobilenet.retrain.lr=0.2" in text
    assert "It changes the experiment, so no claim is judged" in text
    assert "Partial run: only mobilenet" in text
    assert "plugin mine. Twins of the paper's methods run with it" in " ".join(warnings(twins))


def test_the_defaults_of_a_claim_say_nothing():
    names = ("id", "kind", "text", "where", "strength", "reported", "unit", "test", "reason")
    claim = ClaimRecord(**dict.fromkeys(names, ""), verdict="not-run")
    assert figure_with_spread(claim) == ""


# Standing among the claims.


def with_headlines(record, *names, corrected="holds", **changes):
    """Return the record with p values, and with headline claims."""
    claims = [
        claim.model_copy(
            update={"p": None if claim.value is None else 0.01, "headline": False, "corrected": None}
            | ({"headline": True, "corrected": corrected} | changes if claim.id in names else {})
        )
        for claim in record.claims
    ]
    return record.model_copy(update={"claims": tuple(claims)})


def test_headline_claims_are_marked_and_their_correction_is_told_where_it_changes_the_verdict(record):
    plain = by_id(record, "r1-uniform-99")
    assert standing(plain) == ""
    assert standing(by_id(with_headlines(record, plain.id), plain.id)) == "headline"
    changed = by_id(with_headlines(record, plain.id, corrected="inconclusive", post_hoc=True), plain.id)
    assert standing(changed) == "headline, inconclusive after correction; post hoc"


def test_a_later_look_is_marked_and_one_sentence_names_the_looks_before(record):
    looks = {"looks": ((20, 21, 22, 23, 24), (7, 9)), "spent": 0.03125}
    changed = tuple(
        claim.model_copy(update=looks | {"parameters": claim.parameters | {"level": 0.98125}})
        if claim.id == "r1-uniform-99"
        else claim
        for claim in record.claims
    )
    later = record.model_copy(update={"claims": changed})
    assert standing(by_id(later, "r1-uniform-99")).endswith("look 3, at error rate 0.019")
    assert looks_sentence(record) == ""
    sentence = looks_sentence(later)
    assert sentence.startswith("1 claim, marked by the number of the look,")
    assert "(5 seeds 20 to 24 and 2 seeds 7, 9)" in sentence
    assert sentence in " ".join(claims_table(later).split())


def test_one_sentence_says_what_is_corrected_and_that_the_rest_is_secondary(record):
    without = [claim.model_copy(update={"p": None, "corrected": None}) for claim in record.claims]
    assert headline_sentence(record.model_copy(update={"claims": tuple(without)})) == ""  # an older record
    assert headline_sentence(with_headlines(record)).startswith("No claim is named as a headline")
    sentence = headline_sentence(with_headlines(record, "r1-uniform-99", "r2-erk-90"))
    assert sentence.startswith("2 headline claims, corrected together for their number (Holm,")
    assert "2 hold; all other claims over seeds are secondary" in sentence


def test_every_report_says_so(record, report):
    """Terminal (one block for each claim), Markdown, HTML and the README's tables."""
    marked = with_headlines(record, "r1-uniform-99", corrected="inconclusive")
    sentence = headline_sentence(marked)
    console = Console(width=100, record=True, file=io.StringIO())
    print_record(marked, console)
    whole = replace(report, record=marked)
    for text in (console.export_text(), render_html(whole), render_markdown(whole), claims_table(marked)):
        words = " ".join(text.replace("\\", "").split())
        assert sentence in words
        assert "headline, inconclusive after" in words


def test_when_claims_were_registered_is_told_and_how_many_are_post_hoc(record):
    assert registration_sentence(record.model_copy(update={"registered": ""})) == ""  # an older record
    told = record.model_copy(update={"registered": "2026-11-29T10:00:00+00:00"})
    assert registration_sentence(told).endswith("before any of their measurements.")
    first = told.claims[0].model_copy(update={"post_hoc": True})
    late = told.model_copy(update={"claims": (first, *told.claims[1:])})
    assert "; 1 of them, marked post hoc," in registration_sentence(late)
