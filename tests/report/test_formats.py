import csv
from collections import Counter

import pytest

from pruneproof.cli.report import Format
from pruneproof.report.formats import FORMATS, write_format
from pruneproof.report.html import render_html
from pruneproof.report.rows import claim_rows, measurement_rows


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_command_line_names_every_form():
    assert [each.value for each in Format] == list(FORMATS)


def test_csv_has_a_row_per_number_and_one_per_claim(report, tmp_path):
    measurements, claims = write_format(report, "csv", tmp_path / "new")
    assert len(read(measurements)) == len(measurement_rows(report.record))
    assert Counter(row["verdict"] for row in read(claims)) == Counter(
        str(each.verdict) for each in report.record.claims
    )


def test_claims_are_chosen_by_patterns(report, tmp_path):
    chosen = {row["claim"] for row in read(write_format(report, "csv", tmp_path, ("r6-*", "m1"))[1])}
    assert chosen == {claim.id for claim in report.record.claims if claim.id.startswith("r6-") or claim.id == "m1"}
    [table] = write_format(report, "latex", tmp_path, ("r6-*",))
    assert "r6-gradual-high" in table.read_text(encoding="utf-8")
    assert "r4-" not in table.read_text(encoding="utf-8")


def test_parquet_keeps_types_and_says_how_to_get_what_it_needs(report, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    measurements, claims = write_format(report, "parquet", tmp_path)
    table = parquet.read_table(measurements)
    assert table.to_pylist() == measurement_rows(report.record)
    assert str(table.schema.field("value").type) == "double"
    assert parquet.read_table(claims).to_pylist() == claim_rows(report.record)


def test_pages_are_those_of_the_report(report, tmp_path):
    [page] = write_format(report, "html", tmp_path)
    assert page.read_text(encoding="utf-8") == render_html(report)
    markdown, *figures = write_format(report, "md", tmp_path)
    assert {f"figures/{path.name}" for path in figures} == {
        f"figures/{plot.name}.svg" for group in report.plots.values() for plot in group
    }
    assert all(f"](figures/{path.name})" in markdown.read_text(encoding="utf-8") for path in figures)
    [logbook] = write_format(report, "logbook", tmp_path)
    assert logbook == tmp_path / "logbook" / "global-mp-mini" / "page.md"
