from itertools import pairwise

import matplotlib as mpl
import pytest

from pruneproof.drawing import Canvas, MetricInfo, Numbers, Quantity, Row, Table, band_words, choose_band
from pruneproof.drawing.style import PALETTE, house_style
from pruneproof.errors import UnknownName

ACCURACY = Quantity("accuracy", "end", MetricInfo("%", better="larger"))
LOSS = Quantity("loss", "end", MetricInfo("nats"))
EIGHT = Numbers({seed: 90.0 + seed for seed in range(8)})
THREE = Numbers({seed: 90.0 + seed for seed in range(3)})
ONE = Numbers({0: 90.0})
MIXTURE = Numbers({0: 10.0, 1: 95.0, 2: 96.0, 3: 10.0})


@pytest.fixture
def canvas():
    rows = tuple(Row("mlp", method, 0.9, 0, "end", {}, {}) for method in ("a", "b"))
    with house_style():
        yield Canvas(Table(rows))


@pytest.fixture
def panel(canvas):
    return canvas.new_panels()[0]


@pytest.mark.parametrize(
    ("samples", "quantity", "band"),
    [
        ([EIGHT, EIGHT], ACCURACY, "interval"),
        ([EIGHT, THREE], ACCURACY, "range"),
        ([MIXTURE], ACCURACY, "seeds"),
        ([MIXTURE], LOSS, "interval"),
        ([ONE], ACCURACY, "range"),
    ],
    ids=["enough seeds", "few seeds", "impossible interval", "no natural range", "one seed"],
)
def test_bands_show_what_says_something(samples, quantity, band):
    assert choose_band("auto", samples, quantity) == band


def test_a_band_that_is_asked_for_is_taken_and_an_unknown_one_refused():
    assert choose_band("none", [EIGHT], ACCURACY) == "none"
    with pytest.raises(UnknownName, match=r'band "rnage" is not known\. Nearest: "range"'):
        choose_band("rnage", [EIGHT], ACCURACY)


def test_captions_say_what_bands_are_and_of_how_many_seeds():
    assert band_words("interval", [EIGHT]).startswith("Means over 8 seeds; bands are Student's 95 % intervals")
    assert "3 to 8 seeds" in band_words("range", [EIGHT, THREE])
    assert band_words("range", [ONE]) == "One seed, so no interval."


def test_a_line_goes_through_the_means_with_the_interval_around_it(canvas, panel):
    panel.line([(0.8, EIGHT), (0.9, THREE)], canvas.styles("method", ["a"])["a"], "a")
    marks = panel.axes.lines[-1]
    assert list(marks.get_xdata()) == [0.8, 0.9]
    assert list(marks.get_ydata()) == [EIGHT.mean, THREE.mean]
    [band] = panel.axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx(
        (min(EIGHT.interval.low, THREE.interval.low), max(EIGHT.interval.high, THREE.interval.high))
    )


def test_a_line_is_dotted_where_it_skips_a_place(canvas, panel):
    style = canvas.styles("method", ["a"])["a"]
    panel.line([(1, EIGHT), (2, EIGHT), (4, EIGHT)], style, "a", skipped={3})
    drawn = [line for line in panel.axes.lines if len(line.get_xdata()) == 2]
    assert [list(line.get_xdata()) for line in drawn if line.get_linestyle() != "-"] == [[2, 4]]


def test_dots_stand_for_single_networks_where_means_say_little(canvas, panel):
    panel.line([(0.9, MIXTURE)], canvas.styles("method", ["a"])["a"], "a", band="seeds")
    assert sorted(panel.axes.collections[0].get_offsets()[:, 1]) == sorted(MIXTURE.values)


def test_names_beside_lines_do_not_overlap(canvas, panel):
    for place, name in enumerate("abcdefgh"):
        style = canvas.styles("method", list("abcdefgh"))[name]
        panel.line([(0.8, EIGHT), (0.9, Numbers({0: 95.0 + place / 100}))], style, name)
    panel.level(95.0, "dense")
    panel.x_axis(Quantity("sparsity", ""), [0.8, 0.9])
    panel.y_axis(ACCURACY, [90.0, 97.0])
    panel.name_ends()
    heights = sorted(each.get_position()[1] for each in panel.axes.texts)
    assert [each.get_text() for each in panel.axes.texts].count("dense") == 1
    assert len(heights) == 9
    assert min(upper - lower for lower, upper in pairwise(heights)) > 0.05


def test_a_line_that_ends_early_gets_no_stroke_across_the_panel(canvas, panel):
    looks = canvas.styles("method", ["a", "b"])
    panel.line([(0.5, EIGHT), (0.6, EIGHT)], looks["a"], "short")
    panel.line([(0.5, THREE), (0.99, THREE)], looks["b"], "long")
    panel.x_axis(Quantity("sparsity", ""), [0.5, 0.6, 0.99])
    panel.y_axis(ACCURACY, [90.0, 97.0])
    panel.name_ends()
    strokes = {each.get_text(): each.arrow_patch for each in panel.axes.texts}
    assert strokes["short"] is None
    assert strokes["long"] is not None


def test_series_have_the_same_colour_in_every_figure_and_references_none(canvas):
    assert canvas.styles("method", ["b"])["b"].colour == PALETTE[1]
    assert canvas.styles("method", ["a", "b"])["b"].colour == PALETTE[1]


def test_axes_carry_name_unit_and_scale(panel):
    assert panel.y_axis(ACCURACY, [10.0, 98.0]) == "logit"
    assert panel.axes.get_ylabel() == "accuracy (%), logit scale"
    panel.x_axis(Quantity("loss-change", "pruned", MetricInfo("nats")), [1.0, 2.0])
    assert panel.axes.get_xlabel() == "loss change, pruned (nats)"
    panel.x_axis(Quantity("penalty", ""), [0.0, 1.0, 100.0], label="penalty λ")
    assert panel.axes.get_xlabel() == "penalty λ"
    assert mpl.rcParams["svg.fonttype"] == "none"
