import re
from itertools import pairwise

import pytest

from pruneproof.papers.record import Record
from pruneproof.papers.schema import PaperInfo
from pruneproof.report.canvas import Plot
from pruneproof.report.markdown import render_markdown
from pruneproof.report.plots import draw

Tables = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def plots(record: Record) -> dict[str, list[Plot]]:
    return draw(record)


@pytest.fixture(scope="module")
def text(record: Record, info: PaperInfo, tables: Tables, bibtex: str, plots: dict[str, list[Plot]]) -> str:
    return render_markdown(record, info=info, tables=tables, bibtex=bibtex, plots=plots)


def columns(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line))


def test_rows_of_a_table_follow_each_other_with_the_same_columns(text: str) -> None:
    lines = text.splitlines()
    for before, after in pairwise(lines):
        if before.startswith("|") and after.startswith("|"):
            assert columns(before) == columns(after)
    for place, line in enumerate(lines):
        if re.fullmatch(r"\|(---:?\|)+", line):
            assert lines[place - 1].startswith("|")
            assert lines[place + 1].startswith("|")


def test_every_claim_figure_and_table_is_there(text: str, record: Record, plots: dict[str, list[Plot]]) -> None:
    for claim in record.claims:
        assert f"**{claim.id}**" in text
    for group in plots.values():
        for plot in group:
            assert f"(figures/{plot.name}.svg)" in text
    assert "<summary>t2</summary>" in text
    assert record.plan in text


def test_markup_in_the_papers_text_is_escaped(text: str) -> None:
    assert "<script>" not in text
    assert r"\<b\>\|\</b\>" in text


def test_small_scale_is_never_passed_off_as_the_papers(text: str) -> None:
    assert "not the paper's own scale" in text
    assert "**not comparable with the accuracies above**" in text


def test_no_more_than_one_blank_line_in_a_row(text: str) -> None:
    assert "\n\n\n" not in text
