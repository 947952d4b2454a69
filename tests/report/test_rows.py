from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.report.rows import SHOWN, Rows, cell_rows, claim_rows, finding_rows, measurement_rows


@pytest.fixture(scope="module")
def long(records):
    return measurement_rows(records("loss-modelling", "mini"))


def test_rows_of_a_kind_have_the_same_keys_and_plain_values(record, papers, long):
    for rows in (cell_rows(record), claim_rows(record), finding_rows(papers["global-mp"], record), long):
        assert rows
        assert {tuple(row) for row in rows} == {tuple(rows.columns)}
        assert all(isinstance(each, str | int | float | bool | None) for row in rows for each in row.values())


def test_a_row_per_network_with_its_settings_and_what_was_measured(record):
    rows = cell_rows(record)
    assert len(rows) == len(record.cells)
    row, cell = next(pair for pair in zip(rows, record.cells, strict=True) if "pruned" in pair[1].measured)
    assert (row["run"], row["method"], row["seed"]) == (cell.run, cell.method, cell.seed)
    assert row["accuracy"] == cell.measured["end"]["accuracy"]
    assert row["pruned.accuracy"] == cell.measured["pruned"]["accuracy"]
    assert row["criterion"] == cell.settings["criterion"]


def test_every_number_of_every_network_is_a_row(records, long):
    record = records("loss-modelling", "mini")
    cell = next(cell for cell in record.cells if any(isinstance(each, dict) for each in cell.measured["end"].values()))
    name, densities = next((name, each) for name, each in cell.measured["end"].items() if isinstance(each, dict))
    place = (cell.run, cell.method, cell.sparsity, cell.seed, "end", name)
    keys = ("run", "method", "sparsity", "seed", "step", "metric")
    found = {row["part"]: row["value"] for row in long if tuple(row[key] for key in keys) == place}
    assert found == densities
    units = {row["metric"]: row["unit"] for row in long}
    assert units["accuracy"] == "%"


def test_what_is_measured_each_epoch_has_the_epoch_as_its_part(records):
    rows = measurement_rows(records("gradient-flow", "mini"))
    parts = [row["part"] for row in rows if row["metric"] == next(r["metric"] for r in rows if r["part"] == "[0]")]
    assert {"[0]", "[1]"} <= set(parts)


def test_claims_keep_verdict_interval_and_unit(record):
    rows = {row["claim"]: row for row in claim_rows(record)}
    claim = next(claim for claim in record.claims if claim.value is not None and claim.low is not None)
    row = rows[claim.id]
    assert (row["verdict"], row["value"], row["low"], row["high"], row["n"]) == (
        claim.verdict, claim.value, claim.low, claim.high, claim.n,
    )  # fmt: skip
    assert row["unit"] in ("points", "%", "")
    assert len(rows) == len(record.claims)


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.inside = [], False

    def handle_starttag(self, tag, attrs):
        self.inside = tag == "td"
        self.found += [""] if self.inside else []

    def handle_data(self, data):
        if self.inside:
            self.found[-1] += data


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.integers()}), max_size=30))
def test_a_table_in_a_notebook_shows_the_values_whatever_they_are(rows):
    parser = Cells()
    parser.feed(Rows(rows)._repr_html_())
    shown = [str(value) for row in rows[:SHOWN] for value in row.values()]
    assert [text.replace("\r", "\n") for text in parser.found] == [text.replace("\r", "\n") for text in shown]
    assert (f"{SHOWN} of {len(rows)} rows" in Rows(rows)._repr_html_()) == (len(rows) > SHOWN)
