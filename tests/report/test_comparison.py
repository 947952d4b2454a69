import io

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from pruneproof.report.comparison import by_suffix, comparisons
from pruneproof.report.html import make_report, render_html
from pruneproof.report.markdown import render_markdown
from pruneproof.report.table import table_of
from pruneproof.report.terminal import print_record


@pytest.fixture(scope="module")
def pairs(twins):
    return comparisons(table_of(twins))


def test_twins_are_paired_with_their_own_method_by_run_sparsity_and_seed(pairs):
    assert list(pairs) == ["mlp"]
    assert {(pair.own.method, pair.twin.method) for pair in pairs["mlp"]} == {("global", "global-mine")}
    assert [pair.own.sparsity for pair in pairs["mlp"]] == [0.9, 0.95, 0.98]
    assert all(pair.quantity.name == "accuracy" for pair in pairs["mlp"])


def test_differences_are_taken_seed_by_seed_with_students_interval(pairs, twins):
    for pair in pairs["mlp"]:
        own, twin = pair.both
        cells = {
            cell.seed: cell.measured["end"]["accuracy"]
            for cell in twins.cells
            if (cell.run, cell.method, cell.sparsity) == ("mlp", "global", pair.own.sparsity)
        }
        assert own == [cells[seed] for seed in pair.seeds]
        assert pair.difference == pytest.approx(np.mean(twin) - np.mean(own))
        test = stats.ttest_rel(twin, own).confidence_interval(0.95)
        assert (pair.interval.low, pair.interval.high) == pytest.approx((test.low, test.high))


def test_seeds_that_one_side_lacks_are_left_out(twins):
    lacking = twins.seeds[0]
    cells = tuple(cell for cell in twins.cells if (cell.method, cell.seed) != ("global-mine", lacking))
    [first, *_] = comparisons(table_of(twins.model_copy(update={"cells": cells})))["mlp"]
    assert len(first.seeds) == len(twins.seeds) - 1
    assert lacking not in first.seeds


def test_every_form_of_report_shows_the_comparison_and_no_verdict(twins, papers, catalog, pairs):
    report = make_report(twins, papers["global-mp"], catalog)
    terminal = io.StringIO()
    print_record(twins, Console(file=terminal, width=120))
    page, text = render_html(report), render_markdown(report)
    first = pairs["mlp"][0]
    for form in (terminal.getvalue(), page, text):
        assert f"{first.difference:+.2f}" in form
        assert "criterion=mine" in form
        assert "no claim is judged" in form
    assert "<h2>Verdicts</h2>" not in page
    assert "## Verdicts" not in text
    assert "figures/mlp-twins.svg" in text
    assert "(added)" in page


def test_a_narrow_terminal_leaves_the_intervals_out(twins):
    out = io.StringIO()
    print_record(twins, Console(file=out, width=80))
    assert "difference" in out.getvalue()
    assert "95 % interval" not in out.getvalue()
    assert "…" not in out.getvalue().split("Small-scale")[0]


def test_a_record_without_twins_has_no_comparison(table):
    assert comparisons(table) == {}
    assert by_suffix(table) == {}
