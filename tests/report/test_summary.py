import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.report.summary import claims_table, escape
from pruneproof.report.wording import claim_groups
from pruneproof.values.visible import visible


def columns(line):
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def test_every_tested_claim_has_one_row_of_even_columns(record):
    lines = [line for line in claims_table(record).splitlines() if line.startswith("|")]
    tested = [claim for claim in record.claims if claim.verdict != "not-run"]
    assert len(lines) == len(tested) + 2 * len({claim.kind for claim in tested})
    assert {columns(line) for line in lines} == {5}


def test_each_row_names_claim_verdict_strength_and_note(record):
    rows = [line for line in claims_table(record).splitlines() if "**" in line]
    for claim in record.claims:
        found = [row for row in rows if f"**{claim.id}**" in row]
        assert len(found) == (claim.verdict != "not-run")
        for row in found:
            assert re.match(rf"\| \S {claim.verdict} \|", row)
            assert f"({claim.strength})" in row
            assert escape(claim.note) in row


def other_machine(record, **verdicts):
    claims = tuple(
        claim.model_copy(update={"verdict": verdicts.get(claim.id, claim.verdict)}) for claim in record.claims
    )
    return record.model_copy(update={"claims": claims, "environment": {**record.environment, "processor": "another"}})


def test_a_claim_on_which_machines_disagree_is_contested_with_the_figures_of_both(record):
    claim = next(claim for claim in record.claims if claim.verdict == "holds" and claim.value is not None)
    other = other_machine(record, **{claim.id: "fails"})
    table = claims_table(record, [other])
    row = next(line for line in table.splitlines() if f"**{claim.id}**" in line)
    assert row.startswith("| ⚡ contested |")
    assert "✔ holds: " in row
    assert "✘ fails: " in row
    assert f"contested: {claim.id}." in table
    assert "another" in table


def test_machines_that_agree_are_named_and_nothing_is_contested(record):
    table = claims_table(record, [other_machine(record)])
    assert "2 records of this profile" in table
    assert "no verdict is contested" in table
    assert "⚡" not in table


def test_statistical_claims_alone_stand_open(record):
    open_part = claims_table(record).split("<details>")[0]
    for group in claim_groups(record):
        for claim in group.judged:
            assert (f"**{claim.id}**" in open_part) == group.is_statistical


@pytest.mark.parametrize("text", ["", "a|b", "two\nlines", "`x`"])
def test_some_texts(text):
    assert "\n" not in escape(text)


@given(st.text())
def test_escaped_text_has_no_border_markup_or_line_break(text):
    found = escape(text)
    assert "\n" not in found
    shown = visible(text).replace("\t", " ").replace("\n", " ")
    assert re.sub(r"\\(.)", r"\1", found) == shown
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<`*]", found)
