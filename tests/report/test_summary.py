import re

from hypothesis import given
from hypothesis import strategies as st

from pruneproof.papers.record import Record
from pruneproof.report.summary import claims_table, escape


def columns(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def test_every_tested_claim_has_one_row_of_even_columns(record: Record) -> None:
    lines = [line for line in claims_table(record).splitlines() if line.startswith("|")]
    tested = [claim for claim in record.claims if claim.verdict != "not-run"]
    kinds = {claim.kind for claim in tested}
    assert len(lines) == len(tested) + 2 * len(kinds)
    assert {columns(line) for line in lines} == {5}


def test_each_row_names_claim_and_verdict(record: Record) -> None:
    rows = [line for line in claims_table(record).splitlines() if "**" in line]
    for claim in record.claims:
        [*row] = [row for row in rows if f"**{claim.id}**" in row]
        assert len(row) == (claim.verdict != "not-run")
        assert all(re.match(rf"\| \S {claim.verdict} \|", each) for each in row)


def test_only_re_run_claims_stand_open(record: Record) -> None:
    open_part = claims_table(record).split("<details>")[0]
    for claim in record.claims:
        assert (f"**{claim.id}**" in open_part) == (claim.kind == "re-run" and claim.verdict != "not-run")


@given(st.text())
def test_escaped_text_has_no_border_markup_or_line_break(text: str) -> None:
    found = escape(text)
    assert "\n" not in found
    assert re.sub(r"\\(.)", r"\1", found) == text.replace("\n", " ")
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<`*]", found)
