"""Whatever text a record holds in whatever place, no form of a report lets it be more than text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.papers.record import Record
from pruneproof.report.content import Report
from pruneproof.report.formats import FORMATS
from pruneproof.report.results import tidy_csv
from pruneproof.report.rows import Rows
from pruneproof.report.table import table_of
from pruneproof.values.visible import HIDDEN

HOSTILE = "=cmd|<script>x</script>`*_[a](javascript:x)\x1b[31m\\input{x}\u202e\n# h"
MORE = {
    "html": "<script>x",
    "md": r"(?<!\\)<script>x|^# h",
    "logbook": r"(?<!\\)<script>x|^# h",
    "latex": r"\\input\{x",
    "csv": '(^|,)"?=cmd',
}
"""Form -> what would be markup, a command or a formula in it."""


def hostile(record):
    """Return the record with each text replaced that may be any text, and how many these are."""
    content, changed = record.model_dump(mode="json"), 0
    for *parents, last in list(leaves(content)):
        inner = content
        for key in parents:
            inner = inner[key]
        kept, inner[last] = inner[last], HOSTILE
        try:
            Record.model_validate(content)
            changed += 1
        except ValueError:
            inner[last] = kept
    return Record.model_validate(content), changed


def leaves(value, at=()):
    """Yield the place of each kind of text; of the elements of a list only the first stands for all."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*at, key))
    elif isinstance(value, list):
        for place, each in enumerate(value[:1]):
            yield from leaves(each, (*at, place))
    elif isinstance(value, str):
        yield at


@pytest.fixture(scope="module")
def few(small):
    """Return a record of a few cells, so that many reports can be made of it."""
    return small.model_copy(update={"cells": small.cells[:6], "claims": small.claims[:4], "stages": small.stages[:4]})


@pytest.mark.parametrize("form", MORE)
def test_a_text_of_a_record_is_nothing_but_text(few, papers, form):
    record, changed = hostile(few)
    assert changed > 20
    report = Report(record, table_of(record), papers["global-mp"], {"": []}, "")  # drawing takes long
    for text in FORMATS[form](report, list(record.claims)).values():
        assert not HIDDEN.search(text)
        outside = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
        assert not re.search(MORE[form], outside, re.MULTILINE)


@pytest.mark.parametrize("value", ["../../x", "/etc/x", "a/b", "", "a\x00b"])
@pytest.mark.parametrize("key", ["paper", "profile"])
def test_a_record_cannot_choose_where_its_report_is_written(few, key, value):
    with pytest.raises(ValueError, match=key):
        Record.model_validate(few.model_dump(mode="json") | {key: value})


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_no_formulas(value):
    for text in (str(value), f"{value:+.3g} points"):
        assert tidy_csv(Rows([{"a": text}])) == f"a\n{text}\n"


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", '-WEBSERVICE("x")', " =1"])
def test_formulas_are_texts(text):
    assert "'" + text[:1] in tidy_csv(Rows([{"a": text}]))
