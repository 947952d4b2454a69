"""The figure draws what was measured, and nothing where nothing was."""

from pruneproof_template.figure import template_figure

from pruneproof.api import drawing

METRICS = {"accuracy": drawing.MetricInfo("%")}


def measured(method, seed, accuracy):
    return drawing.Row("mlp", method, 0.9, seed, "end", {}, {"accuracy": accuracy})


def test_each_method_gets_a_bar_from_its_worst_to_its_best_seed():
    rows = (measured("global", 0, 90.0), measured("global", 1, 94.0), measured("uniform", 0, 80.0))
    canvas = drawing.Canvas()
    caption = template_figure(drawing.Table(rows, METRICS), canvas)
    [panel] = canvas.panels
    bars = [line.get_ydata() for line in panel.axes.lines if line.get_linewidth() == 8]
    assert [list(bar) for bar in bars] == [[90.0, 94.0], [80.0, 80.0]]
    assert caption.startswith("Accuracy of each method")
    assert "<svg" in canvas.to_svg()


def test_without_rows_there_is_no_figure():
    canvas = drawing.Canvas()
    assert template_figure(drawing.Table((), METRICS), canvas) == ""
    assert canvas.panels == []
