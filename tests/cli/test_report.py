"""`repro report` in one form alone, of a paper's last run and of any record."""

import pytest


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("html", ["report.html"]),
        ("csv", ["measurements.csv", "claims.csv"]),
        ("latex", ["claims.tex"]),
        ("logbook", ["page.md"]),
    ],
)
def test_one_form_is_written_where_it_is_asked_for(ran, repro, folders, form, names):
    found = repro("report", "tiny", "--format", form, "--output", folders / "out")
    assert found.status == 0
    assert [line.split(": ")[0] for line in found.out.splitlines()] == names
    assert {path.name for path in (folders / "out").rglob("*") if path.is_file()} == set(names)


def test_a_record_file_is_rendered_into_the_current_folder(ran, repro, folders, monkeypatch):
    (folders / "here").mkdir()
    monkeypatch.chdir(folders / "here")
    record = folders / "store" / "reports" / "tiny" / "mini" / "record.json"
    found = repro("report", record, "--format", "latex", "--claim", "arith*", "--json").json
    assert found == {"claims.tex": str(folders / "here" / "claims.tex")}
    text = (folders / "here" / "claims.tex").read_text(encoding="utf-8")
    assert "arithmetic" in text
    assert "learns" not in text


def test_a_folder_that_cannot_be_written_is_told(ran, repro, folders):
    (folders / "file").write_text("")
    found = repro("report", "tiny", "--format", "csv", "--output", folders / "file" / "deep")
    assert found.status == 73
    assert "--output" in found.err
    assert str(folders / "file") in found.err


def test_an_unknown_form_is_misuse(ran, repro):
    found = repro("report", "tiny", "--format", "docx")
    assert found.status == 64
    assert "parquet" in found.err
