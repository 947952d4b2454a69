import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from pruneproof.drawing import Table
from pruneproof.errors import UnknownName
from pruneproof.figures.scatter import SCATTER
from pruneproof.papers.claims import Evidence, judge
from pruneproof.papers.load import load_paper
from pruneproof.papers.record import Record
from pruneproof.registry.catalog import build_catalog
from pruneproof.statistics import rounded

ROOT = Path(__file__).parents[2]

OPTIONS = {"y": "accuracy", "x": "pruned.loss-change", "mark": "criterion"}


def marks(panel):
    return np.concatenate([each.get_offsets() for each in panel.axes.collections])


def test_every_method_that_has_both_is_a_mark_at_its_means(draw, losses):
    [panel] = draw(SCATTER, losses, **OPTIONS).panels
    x, y = losses.quantity("pruned.loss-change"), losses.quantity("accuracy")
    expected = [(group.numbers(x).mean, both.mean) for group, both in losses.over_seeds(y) if group.numbers(x)]
    assert len(expected) == 18
    assert np.array(sorted(map(tuple, marks(panel)))) == pytest.approx(np.array(sorted(expected)))


def test_larger_marks_have_more_of_the_column_for_sizes(draw, losses):
    [panel] = draw(SCATTER, losses, **OPTIONS, size="iterations").panels
    assert {round(size, 3) for each in panel.axes.collections for size in each.get_sizes()} == {
        round(14 + 22 * math.log10(iterations), 3) for iterations in (1, 14, 140)
    }


def test_the_correlation_is_kendalls_over_marks_within_each_seed(draw, losses):
    drawn = draw(SCATTER, losses, **OPTIONS, correlate=True)
    x, y = losses.quantity("pruned.loss-change"), losses.quantity("accuracy")
    pairs = [(group.numbers(x), numbers) for group, numbers in losses.over_seeds(y) if group.numbers(x)]
    taus = [
        stats.kendalltau([a.by_seed[seed] for a, _ in pairs], [b.by_seed[seed] for _, b in pairs]).statistic
        for seed in range(3)
    ]
    found = re.search(r"τ = (\S+) \[", drawn.caption)
    assert float(found[1]) == pytest.approx(np.median(taus), abs=5e-3)
    assert any(each.startswith("τ = ") and each.endswith("n = 3") for each in drawn.words)


def c3b():
    """Judge the claim anew from the committed measurements."""
    paper = load_paper(ROOT / "papers" / "loss-modelling")
    [path] = (paper.folder / "records").glob("cpu-*.json")
    evidence = Evidence(paper, "cpu", build_catalog(["builtin"]), Record.load(path).cells, {})
    return next(claim for claim in judge(evidence) if claim.id == "c3b")


def test_the_figure_of_loss_modelling_says_what_its_claim_says(draw, recorded):
    whole = recorded("loss-modelling", "cpu")
    claim = c3b()
    drawn = draw(
        SCATTER,
        whole.where({"run": "mlp"}),
        y="error-gap",
        x="pruned.loss-change",
        mark="criterion",
        one_sparsity=True,
        but={"method": ["random", "*-linear", "*-fixed", "*-matched", "*-few"]},
        correlate=True,
        correlate_below=claim.parameters["below"],
    )
    assert f"τ = {rounded(claim.value)} [{rounded(claim.low)}, {rounded(claim.high)}]" in drawn.caption


def test_one_seed_has_no_interval(draw, losses):
    assert re.search(r"τ = \S+, one seed", draw(SCATTER, losses.where({"seed": 1}), **OPTIONS, correlate=True).caption)


def test_fewer_than_three_marks_are_no_figure(draw, losses):
    assert draw(SCATTER, losses, **OPTIONS, where={"method": ["obd-1-0", "obd-14-0"]}) is None
    assert draw(SCATTER, Table((), losses.metrics, losses.settings), **OPTIONS) is None


@pytest.mark.parametrize("option", ["y", "x", "mark", "size", "x_scale"])
def test_unknown_names_are_refused(draw, losses, option):
    with pytest.raises(UnknownName, match='"nothing" is not known'):
        draw(SCATTER, losses, **{**OPTIONS, option: "nothing"})
