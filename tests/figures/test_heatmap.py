import numpy as np
import pytest

from pruneproof.drawing import Table
from pruneproof.errors import UnknownName
from pruneproof.figures.heatmap import HEATMAP


def test_cells_are_means_over_seeds_by_method_and_tensor(draw, accuracies):
    drawn = draw(HEATMAP, accuracies)
    assert len(drawn.panels) == 3
    mesh = drawn.panels[0].axes.collections[0].get_array()
    assert np.asarray(mesh)[:, 0] == pytest.approx([0.2] * 3)
    assert np.asarray(mesh)[:, 1] == pytest.approx([0.008] * 3)
    assert {"80 %", "90 %", "98 %", "fc1.weight", "fc2.weight", "global"} <= set(drawn.words)


def test_a_tensor_that_is_empty_in_one_seed_is_marked(draw, accuracies):
    drawn = draw(HEATMAP, accuracies)
    assert drawn.words.count("×") == 9
    assert "× marks a tensor at 0 in at least one seed." in drawn.caption
    full = draw(HEATMAP, accuracies.where({"seed": [1, 2]}))
    assert "×" not in full.words
    assert "×" not in full.caption


def test_many_tensors_leave_their_numbers_and_some_names_out(draw, recorded):
    drawn = draw(HEATMAP, recorded("global-mp", "mini", "mobilenet"), label="density")
    assert len([word for word in drawn.words if word.endswith(".weight")]) <= 20
    assert drawn.words.count("×") > 0
    assert "density" in drawn.words


def test_a_single_row_is_no_figure(draw, accuracies):
    assert draw(HEATMAP, accuracies, where={"method": "global", "sparsity": 0.9}) is None
    assert draw(HEATMAP, Table((), accuracies.metrics)) is None


def test_a_metric_per_network_shows_nothing(draw, accuracies):
    assert draw(HEATMAP, accuracies, value="accuracy") is None


def test_equal_values_can_be_drawn(draw, accuracies):
    assert draw(HEATMAP, accuracies.where({"seed": 1, "sparsity": 0.98})) is not None


@pytest.mark.parametrize("option", ["value", "row", "panel"])
def test_unknown_names_are_refused(draw, accuracies, option):
    with pytest.raises(UnknownName, match='"nothing" is not known'):
        draw(HEATMAP, accuracies, **{option: "nothing"})
