from dataclasses import replace

import pytest

from pruneproof.errors import BadConfig, UnknownName
from pruneproof.figures.curves import CURVES
from pruneproof.figures.printed import printed_beside
from pruneproof.figures.signs import SIGNS

ROWS = [
    {"method": "Dense", "sparsity": "", "keep": "", "top1": "77.0"},
    {"method": "Global MP", "sparsity": "90.00", "keep": "0.1", "top1": "75.28"},
    {"method": "Global MP", "sparsity": "80.00", "keep": "0.2", "top1": "76.84"},
    {"method": "GMP", "sparsity": "90.00", "keep": "0.1", "top1": "73.91"},
    {"method": "STR", "sparsity": "95", "keep": "0.05", "top1": "70.40"},
    {"method": "STR", "sparsity": "95", "keep": "0.05", "top1": ""},
]
LINES = {"global": {"method": "Global MP"}, "uniform": {"method": "GMP"}, "dense": {"method": "Dense"}}
DECLARED = {"table": "t4", "of": "ResNet-50", "x": "sparsity", "y": "top1", "lines": LINES, "note": "Other data."}


@pytest.fixture
def table(accuracies):
    return replace(accuracies, printed={"t4": ROWS}, runs=frozenset({"mlp", "wrn"}))


def test_rows_are_taken_under_our_names_as_fractions_in_order(table):
    [found] = printed_beside([DECLARED], table)
    assert found.lines == {"global": {0.8: 76.84, 0.9: 75.28}, "uniform": {0.9: 73.91}}
    assert found.levels == {"dense": 77.0}
    assert found.title == "paper: ResNet-50 (printed)"
    [left] = printed_beside([{**DECLARED, "x": "keep", "x_is": "left"}], table)
    assert left.lines == found.lines


def test_it_stands_beside_the_runs_that_are_named(table):
    assert printed_beside([{**DECLARED, "runs": ["wrn"]}], table) == []
    assert len(printed_beside([{**DECLARED, "runs": ["mlp", "wrn"]}], table)) == 1


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"table": "t9"}, UnknownName, 'printed table "t9"'),
        ({"y": "top5"}, UnknownName, 'column "top5"'),
        ({"lines": {"global": {"family": "x"}}}, UnknownName, 'column "family"'),
        ({"runs": ["vgg"]}, UnknownName, 'run "vgg"'),
        ({"colour": "red"}, UnknownName, 'key of printed "colour"'),
        ({"x_is": "density"}, UnknownName, 'x_is "density"'),
        ({"note": ""}, BadConfig, "printed lacks note"),
        ({"lines": {"global": {"method": "Gobal MP"}}}, BadConfig, "no row with method Gobal MP for global"),
        ({"lines": {"all": {}}}, BadConfig, "two rows with"),
        ({"y": "method"}, BadConfig, "'Global MP' is no number"),
    ],
)
def test_what_is_wrong_is_told(table, change, kind, said):
    with pytest.raises(kind, match=said):
        printed_beside([{**DECLARED, **change}], table)


def test_curves_are_hollow_in_a_panel_with_a_y_axis_of_its_own(draw, table):
    drawn = draw(CURVES, table, y="accuracy", printed=[DECLARED])
    ours, theirs = drawn.panels
    assert ours.axes.get_xlim() == theirs.axes.get_xlim()
    assert ours.axes.get_ylim() != theirs.axes.get_ylim()
    hollow = [line for line in theirs.axes.lines if line.get_markerfacecolor() == "#ffffff"]
    assert [[*line.get_ydata()] for line in hollow] == [[76.84, 75.28], [73.91]]
    assert all(line.get_markerfacecolor() != "#ffffff" for line in ours.axes.lines)
    assert "paper: ResNet-50 (printed)" in drawn.words
    assert drawn.caption.endswith('"paper: ResNet-50 (printed)", table t4. Other data.')
    assert {line.get_color() for line in hollow} <= {line.get_color() for line in ours.axes.lines}


def test_signs_are_frames_of_printed_differences(draw, table):
    drawn = draw(SIGNS, table, y="accuracy", against="global", printed=[DECLARED])
    assert "-1.37" in drawn.words
    [frame] = drawn.panels[1].axes.patches
    assert frame.get_facecolor()[:3] == (1, 1, 1)
    with pytest.raises(BadConfig, match="nothing at the same x as random"):
        draw(SIGNS, table, y="accuracy", against="random", printed=[DECLARED])
