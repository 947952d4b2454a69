from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from pruneproof.drawing import Canvas, Row, Style, Table
from pruneproof.drawing.style import house_style

TEXT = "{http://www.w3.org/2000/svg}text"


@pytest.fixture(autouse=True)
def style():
    with house_style():
        yield


def words(svg):
    return ["".join(each.itertext()) for each in ElementTree.fromstring(svg).iter(TEXT)]


def test_a_canvas_without_panels_has_nothing_to_show():
    canvas = Canvas()
    assert canvas.figure is None
    assert canvas.to_svg() == ""


def test_the_title_begins_with_the_run_and_the_papers_wording_wins():
    canvas = Canvas(run="mlp")
    canvas.new_panels(title="accuracy")
    assert "mlp: accuracy" in words(canvas.to_svg())
    canvas = Canvas(run="mlp", title="ours")
    canvas.new_panels(title="accuracy")
    assert "mlp: ours" in words(canvas.to_svg())


def test_panels_stand_side_by_side_up_to_three():
    canvas = Canvas()
    panels = canvas.new_panels(["a", "b", "c", "d"])
    assert [panel.title for panel in panels] == ["a", "b", "c", "d"]
    assert canvas.across == 3
    narrow = Canvas()
    narrow.new_panels(["a"])
    assert narrow.width < canvas.width


def test_several_panels_have_one_legend_and_labels_at_the_edges():
    canvas = Canvas()
    for panel in canvas.new_panels(["a", "b"]):
        panel.level(1.0, "dense")
        panel.axes.set_ylabel("accuracy")
    canvas.name_series()
    found = words(canvas.to_svg())
    assert (found.count("dense"), found.count("accuracy")) == (1, 1)


def test_figures_have_no_date_and_no_version():
    canvas = Canvas()
    canvas.new_panels()
    svg = canvas.to_svg()
    assert "<dc:date>" not in svg
    assert mpl.__version__ not in svg


def test_colours_leave_references_out():
    rows = [Row("mlp", "dense", 0.0, 0, "end", {}, {}), Row("mlp", "a", 0.9, 0, "end", {}, {})]
    first = Canvas(Table(tuple(rows[1:]))).styles("method", ["a"])
    assert Canvas(Table(tuple(rows))).styles("method", ["a"]) == first


def test_a_legend_of_marks_names_them():
    canvas = Canvas()
    canvas.new_panels()
    canvas.legend({"holds": Style("#0072b2", "#0072b3", "o")})
    assert "holds" in words(canvas.to_svg())


def test_dollar_signs_are_not_mathematics():
    canvas = Canvas(run=r"$\nonsense$ costs 5$")
    canvas.new_panels()
    assert r"$\nonsense$ costs 5$" in words(canvas.to_svg())
