import io

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from pruneproof.papers.record import PluginRecord
from pruneproof.report.comparison import comparisons
from pruneproof.report.html import render_html
from pruneproof.report.markdown import render_markdown
from pruneproof.report.plots import draw
from pruneproof.report.terminal import print_record


@pytest.fixture(scope="module")
def beside(record):
    """The made-up record as a variant, `random` relabelled as what a stranger's criterion makes of `global`."""
    cells = tuple(
        cell.model_copy(update={"method": "global-mine" if cell.method == "random" else cell.method})
        for cell in record.cells
    )
    stranger = PluginRecord(name="mine", distribution="mine", version="1", origin="mine", digest="0" * 64, role="added")
    changes = {"cells": cells, "claims": (), "variant": ("criterion=mine",), "beside": ("mine",)}
    return record.model_copy(update=changes | {"plugins": (*record.plugins, stranger)})


def test_twins_are_paired_with_their_own_arm_by_run_sparsity_and_seed(beside):
    found = comparisons(beside)
    assert list(found) == ["mlp"]
    assert {(pair.own.method, pair.twin.method) for pair in found["mlp"]} == {("global", "global-mine")}
    assert len({pair.own.sparsity for pair in found["mlp"]}) == len(found["mlp"]) == 5


def test_differences_are_taken_seed_by_seed_with_students_interval(beside):
    for pair in comparisons(beside)["mlp"]:
        expected = np.array(pair.twin.accuracies) - np.array(pair.own.accuracies)
        assert pair.differences == pytest.approx(expected.tolist())
        test = stats.ttest_rel(pair.twin.accuracies, pair.own.accuracies).confidence_interval(0.95)
        assert (pair.interval.low, pair.interval.high) == pytest.approx((test.low, test.high))


def test_every_form_of_report_shows_the_comparison_and_no_verdict(beside, info, tables, bibtex):
    plots = draw(beside)
    [figure] = plots["mlp"]
    assert figure.name == "mlp-beside"
    terminal = io.StringIO()
    print_record(beside, Console(file=terminal, width=120))
    arguments = {"info": info, "tables": tables, "bibtex": bibtex, "plots": plots}
    page, text = render_html(beside, **arguments), render_markdown(beside, **arguments)
    first = comparisons(beside)["mlp"][0]
    for form in (terminal.getvalue(), page, text):
        assert f"{first.difference:+.2f}" in form
        assert "criterion=mine" in form
        assert "no claim is judged" in form
    assert "<h2>Verdicts</h2>" not in page
    assert "## Verdicts" not in text
    assert "mlp-beside" in page
    assert "figures/mlp-beside.svg" in text
    assert "(added)" in page


def test_a_narrow_terminal_leaves_the_intervals_out(beside):
    out = io.StringIO()
    print_record(beside, Console(file=out, width=80))
    assert "difference" in out.getvalue()
    assert "95 % interval" not in out.getvalue()
    assert "…" not in out.getvalue().split("Small-scale")[0]


def test_a_record_without_twins_has_no_comparison(record):
    assert comparisons(record) == {}
