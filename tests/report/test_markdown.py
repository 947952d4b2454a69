import re
from itertools import pairwise

import pytest

from pruneproof.report.html import make_report
from pruneproof.report.markdown import render_markdown


@pytest.fixture(scope="module")
def text(report):
    return render_markdown(report)


def columns(line):
    return len(re.findall(r"(?<!\\)\|", line))


@pytest.mark.parametrize("which", ["small", "twins", "variant", "tiny_record"])
def test_rows_of_a_table_follow_each_other_with_the_same_columns(request, papers, catalog, which):
    text = render_markdown(make_report(request.getfixturevalue(which), papers["global-mp"], catalog))
    lines = text.splitlines()
    for before, after in pairwise(lines):
        if before.startswith("|") and after.startswith("|"):
            assert columns(before) == columns(after)
    for place, line in enumerate(lines):
        if re.fullmatch(r"\|(---:?\|)+", line):
            assert lines[place - 1].startswith("|")
            assert lines[place + 1].startswith("|")
    assert "\n\n\n" not in text


def test_every_claim_figure_and_table_is_there(text, report):
    for claim in report.record.claims:
        assert f"**{claim.id}**" in text
    for group in report.plots.values():
        for plot in group:
            assert f"(figures/{plot.name}.svg)" in text
    assert "<summary>t2</summary>" in text
    assert "<summary>Numbers of mobilenet, end</summary>" in text
    assert report.record.plan in text


def test_figures_have_alternative_texts_that_differ(text):
    found = re.findall(r"!\[(.+)\]\(figures/", text)
    assert len(set(found)) == len(found) == 10


def test_markup_in_the_papers_text_is_escaped(small, papers, catalog):
    claim = small.claims[0].model_copy(update={"text": "<b>|</b> `x`"})
    text = render_markdown(make_report(small.model_copy(update={"claims": (claim,)}), papers["global-mp"], catalog))
    assert r"\<b\>\|\</b\> \`x\`" in text


def test_small_scale_is_never_passed_off_as_the_papers(text):
    assert "not the paper's own scale" in text
    assert "**not comparable with the results above**" in text
