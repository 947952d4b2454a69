import pytest

from pruneproof.drawing import Table
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.figures.curves import CURVES


def marks(panel):
    """Return what lines go through: the drawn lines that have markers, as (x, y)."""
    found = [line for line in panel.axes.lines if line.get_marker() not in ("None", "")]
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in found]


def test_each_method_is_a_line_through_its_means(draw, accuracies):
    drawn = draw(CURVES, accuracies)
    [panel] = drawn.panels
    quantity = accuracies.quantity("accuracy")
    for (x, y), method in zip(marks(panel), ("global", "uniform", "random"), strict=True):
        groups = [group for group in accuracies.groups if group.method == method]
        assert x == [0.8, 0.9, 0.98]
        assert y == [group.numbers(quantity).mean for group in groups]
    assert {"global", "uniform", "random", "dense", "80 %", "90 %", "98 %"} <= set(drawn.words)


def test_the_dense_network_is_a_level_and_no_line(draw, accuracies):
    [panel] = draw(CURVES, accuracies).panels
    levels = [line for line in panel.axes.lines if list(line.get_xdata()) == [0, 1]]
    assert [line.get_ydata()[0] for line in levels] == [pytest.approx(97.2)]


def test_axes_are_labelled_with_units_and_the_paper_may_word_them(draw, accuracies):
    assert "accuracy (%), logit scale" in draw(CURVES, accuracies).words
    drawn = draw(CURVES, accuracies, y="accuracy", y_label="test accuracy (%)", y_scale="linear", x_label="zeros")
    assert {"test accuracy (%)", "zeros (log scale of what is left)"} <= set(drawn.words)


def test_the_caption_says_what_is_seen_and_what_was_found(draw, accuracies):
    caption = draw(CURVES, accuracies).caption
    assert caption.startswith(
        "Accuracy (%) against sparsity. At 98 %, global is highest (90.33) and random lowest (40.83)."
    )
    assert "Student's 95 % intervals" in caption
    assert "Long dashes: dense." in caption


def test_a_panel_for_each_value_of_a_column_shares_its_axes(draw, losses):
    drawn = draw(CURVES, losses, y="pruned.loss-change", x="penalty", line="criterion", panel="iterations")
    assert [panel.title for panel in drawn.panels] == ["iterations: 1", "iterations: 14", "iterations: 140"]
    assert len({panel.axes.get_ylim() for panel in drawn.panels}) == 1
    assert [x for x, _ in marks(drawn.panels[0])] == [[0.0, 0.01, 100.0]] * 2
    assert {"0", "0.01", "100", "linear-model", "obd", "magnitude"} <= set(drawn.words)


def test_the_best_setting_is_a_dashed_line_below_that_without(draw, losses):
    options = {"y": "pruned.loss-change", "x": "iterations", "line": "criterion", "best_over": "penalty"}
    drawn = draw(CURVES, losses, **options)
    [panel] = drawn.panels
    best = [line for line in panel.axes.lines if len(line.get_xdata()) == 3 and line.get_marker() == "None"]
    plain = marks(panel)
    assert len(best) == len(plain) == 2
    for line, (x, y) in zip(best, plain, strict=True):
        assert list(line.get_xdata()) == x == [1, 14, 140]
        assert all(low < high for low, high in zip(line.get_ydata(), y, strict=True))
    assert "Dashed: the best penalty" in drawn.caption


def test_methods_without_the_setting_are_levels_unless_their_line_is_there(draw, losses):
    options = {"y": "pruned.loss-change", "x": "iterations", "line": "criterion", "best_over": "penalty"}
    [panel] = draw(CURVES, losses, **options).panels
    levels = [line.get_ydata()[0] for line in panel.axes.lines if list(line.get_xdata()) == [0, 1]]
    assert levels == [2.0]  # magnitude; not 0.123, a control of obd


def test_best_needs_a_metric_that_is_better_one_way(draw, accuracies):
    with pytest.raises(BadConfig, match='"weights" is not better when larger or when smaller'):
        draw(CURVES, accuracies, y="weights", best_over="penalty")


def test_nothing_is_drawn_where_x_says_what_another_quantity_says(draw, accuracies):
    options = {"x": "macs-pruned", "x_scale": "density"}
    assert draw(CURVES, accuracies, **options) is not None
    assert draw(CURVES, accuracies, **options, unlike="sparsity") is None


def test_a_run_across_sparsities_has_one_line_for_each_method(draw, recorded):
    drawn = draw(CURVES, recorded("global-mp", "mini", "wrn"), x="macs-pruned", x_scale="density", unlike="sparsity")
    assert [len(x) for x, _ in marks(drawn.panels[0])] == [3, 3, 1, 1]


@pytest.mark.parametrize(
    "table",
    [
        lambda table: Table((), table.metrics, table.settings),
        lambda table: table.where({"method": "dense"}),
        lambda table: table.where({"sparsity": [0.0, 0.9]}),
        lambda table: table.where({"run": "another"}),
    ],
    ids=["empty", "dense alone", "one sparsity", "no run"],
)
def test_where_no_line_has_two_points_there_is_no_figure(draw, accuracies, table):
    assert draw(CURVES, table(accuracies)) is None


def test_one_seed_has_no_band(draw, accuracies):
    drawn = draw(CURVES, accuracies.where({"seed": 0}))
    assert "One seed, so no interval." in drawn.caption
    assert not drawn.panels[0].axes.collections


def test_sparsities_that_nothing_tells_apart_are_not_mixed(draw, recorded):
    table = recorded("loss-modelling", "cpu", "mlp")
    drawn = draw(CURVES, table, y="pruned.loss-change", x="penalty", line="criterion", panel="iterations")
    assert "at 98.847 % sparsity" in drawn.caption
    shown = {x for panel in drawn.panels for places, _ in marks(panel) for x in places}
    assert shown == {0.0, 0.0001, 0.01, 1.0, 100.0}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"y": "acuracy"}, 'metric or column "acuracy"'),
        ({"x": "sparsty"}, 'metric or column "sparsty"'),
        ({"line": "criterium"}, 'column "criterium"'),
        ({"panel": "penalti"}, 'column "penalti"'),
        ({"unlike": "sparsty"}, 'metric or column "sparsty"'),
        ({"x_scale": "lgo"}, 'scale "lgo"'),
        ({"band": "bar"}, 'band "bar"'),
        ({"where": {"metod": "a"}}, 'column "metod"'),
    ],
    ids=lambda each: str(each)[:20],
)
@pytest.mark.parametrize("rows", ["empty", "all"])
def test_wrong_names_are_refused_with_and_without_rows(draw, accuracies, rows, options, said):
    table = accuracies if rows == "all" else Table((), accuracies.metrics, accuracies.settings)
    with pytest.raises(UnknownName, match=f"{said} is not known"):
        draw(CURVES, table, **options)
