"""Whatever text a record holds in whatever place, no form of a report lets it be more than text."""

import io
import re
import subprocess
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.contracts.choice import Choice
from pruneproof.papers.record import Record
from pruneproof.papers.schema import FiguresFile, FigureSpec
from pruneproof.report.content import Report
from pruneproof.report.figures import DEFAULT, draw
from pruneproof.report.formats import FORMATS
from pruneproof.report.logbook import logbook_page
from pruneproof.report.results import tidy_csv
from pruneproof.report.rows import Rows
from pruneproof.report.table import table_of
from pruneproof.values.visible import HIDDEN

HOSTILE = "=cmd|<script>x</script>`*_[a](javascript:x)\x1b[31m\\input{x}\u202e\n# h"
MORE = {
    "html": "<script>x",
    "md": r"(?<!\\)<script>x|^# h|(?<!\\)\]\(javascript",
    "logbook": r"(?<!\\)<script>x|^# h|(?<!\\)\]\(javascript",
    "latex": r"\\input\{x",
    "csv": '(^|,)"?=cmd',
}
"""Form -> what would be markup, a command or a formula in it."""


def hostile(value, *, keys=True):
    """Return a record, or a part of a paper, with each text and key replaced that may be any, and their number."""
    content, changed = value.model_dump(mode="json"), 0
    for *parents, last in list(leaves(content)):
        inner = content
        for key in parents:
            inner = inner[key]
        before = dict(inner) if isinstance(inner, dict) else list(inner)
        for put in (put_text, put_key)[: 1 + keys]:
            put(inner, last)
            try:
                type(value).model_validate(content)
                changed += 1
                break
            except ValueError:
                inner.clear()
                inner.update(before) if isinstance(inner, dict) else inner.extend(before)
    return type(value).model_validate(content), changed


def put_text(inner, last):
    if isinstance(inner[last], str):
        inner[last] = HOSTILE


def put_key(inner, last):
    if isinstance(inner, dict):
        inner[HOSTILE] = inner.pop(last)


def hostile_paper(paper, **changes):
    parts = {name: hostile(getattr(paper, name))[0] for name in ("info", "claims", "figures")}
    return replace(paper, tables={"t": [{HOSTILE: HOSTILE}]}, **parts | changes)


def leaves(value, at=()):
    """Yield the place of each text and number; of the elements of a list only the first stands for all."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*at, key))
    elif isinstance(value, list):
        for place, each in enumerate(value[:1]):
            yield from leaves(each, (*at, place))
    elif at:
        yield at


@pytest.fixture(scope="module")
def few(small):
    """Return a record of a few cells, so that many reports can be made of it."""
    claims = (*small.claims[:3], *[claim for claim in small.claims if claim.value is not None][:1])
    return small.model_copy(update={"cells": small.cells[:6], "claims": claims, "stages": small.stages[:4]})


@pytest.mark.parametrize("form", MORE)
def test_a_text_of_a_record_or_a_paper_is_nothing_but_text(few, papers, form):
    record, changed = hostile(few)
    assert changed > 20
    report = Report(record, table_of(record), hostile_paper(papers["global-mp"]), {"": []}, HOSTILE)  # not drawn
    for text in FORMATS[form](report, list(record.claims)).values():
        assert not HIDDEN.search(text)
        outside = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
        if form in ("md", "logbook"):
            outside = re.sub(r"<!--.*?-->|(?<!\\)`[^`\n]+`", "", outside, flags=re.DOTALL)
        assert not re.search(MORE[form], outside, re.MULTILINE)


def test_a_text_in_a_figure_is_nothing_but_text(few, papers, catalog):
    judged = [claim for claim in few.claims if claim.value is not None]
    record, _ = hostile(few.model_copy(update={"claims": tuple(judged[:1])}), keys=False)
    titled = FigureSpec(kind=Choice(id="strip"), title=HOSTILE, caption=HOSTILE, name="titled")
    paper = hostile_paper(papers["global-mp"], figures=FiguresFile(figure=(*DEFAULT, titled)))
    plots = [plot for group in draw(record, table_of(record), paper, catalog).values() for plot in group]
    drawn = "".join(plot.svg for plot in plots)
    assert "=cmd|" in drawn
    assert not HIDDEN.search(drawn)
    for plot in plots:
        tags = {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(plot.svg).iter()}
        assert not tags & {"script", "x", "a"}


def test_parquet_has_every_text_as_it_is(few, papers):
    pyarrow = pytest.importorskip("pyarrow.parquet")
    record, _ = hostile(few)
    report = Report(record, table_of(record), papers["global-mp"], {"": []}, "")
    read = {
        name: pyarrow.read_table(io.BytesIO(content)).to_pylist()
        for name, content in FORMATS["parquet"](report, list(record.claims)).items()
    }
    assert read["claims.parquet"][0]["text"] == HOSTILE
    assert len(read["measurements.parquet"]) > len(record.cells)


def test_a_command_in_a_logbook_is_that_of_the_run(few, papers):
    values = ["mlp.about=<a|b> ```` `x` 'y'", "mlp.about=\\a\n---\n<!-- trackio-cell"]
    plain, variant = (few.model_copy(update={"variant": each}) for each in (("mlp.about=x",) * 2, tuple(values)))
    page = logbook_page(papers["global-mp"], variant)
    assert page.count("trackio-cell\n") == logbook_page(papers["global-mp"], plain).count("trackio-cell\n")
    [line] = re.findall("^repro run .*", page, re.MULTILINE)
    said = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    assert said.stdout.decode().split("\0")[-4:-1] == [values[0], "--set", values[1]]


@pytest.mark.parametrize("value", ["../../x", "/etc/x", "a/b", "", "a\x00b"])
@pytest.mark.parametrize("key", ["paper", "profile"])
def test_a_record_cannot_choose_where_its_report_is_written(few, key, value):
    with pytest.raises(ValueError, match=key):
        Record.model_validate(few.model_dump(mode="json") | {key: value})


@pytest.mark.parametrize("value", ["../../x", "/etc/x"])
def test_a_record_cannot_choose_where_its_figures_are_written(few, value):
    content = few.model_dump(mode="json")
    content["cells"][0]["run"] = value
    with pytest.raises(ValueError, match="run"):
        Record.model_validate(content)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_no_formulas(value):
    for text in (str(value), f"{value:+.3g} points"):
        assert tidy_csv(Rows([{"a": text}])) == f"a\n{text}\n"


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", '-WEBSERVICE("x")', " =1"])
def test_formulas_are_texts(text):
    assert "'" + text[:1] in tidy_csv(Rows([{"a": text}]))
