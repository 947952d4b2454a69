import numpy as np
import pytest

from pruneproof.drawing import Table
from pruneproof.errors import UnknownName
from pruneproof.figures.strip import STRIP


def dots(panel):
    return np.concatenate([each.get_offsets() for each in panel.axes.collections])


def test_every_network_is_a_dot_at_its_value(draw, accuracies):
    [panel] = draw(STRIP, accuracies).panels
    shown = [row.values["accuracy"] for row in accuracies.rows if row.method != "dense"]
    assert sorted(dots(panel)[:, 1]) == pytest.approx(sorted(shown))


def test_dots_of_one_sparsity_stand_between_its_borders(draw, accuracies):
    drawn = draw(STRIP, accuracies)
    places = dots(drawn.panels[0])[:, 0]
    assert np.bincount(np.round(places).astype(int)).tolist() == [15, 15, 15]
    assert {"80 %", "90 %", "98 %", "global", "random"} <= set(drawn.words)


def test_a_mixture_is_seen_as_it_is(draw, recorded):
    drawn = draw(STRIP, recorded("global-mp", "mini", "mobilenet"), where={"method": "floor", "sparsity": 0.95})
    heights = dots(drawn.panels[0])[:, 1]
    assert heights.min() < 20 < 80 < heights.max()


def test_the_caption_tells_lowest_and_highest_means(draw, accuracies):
    caption = draw(STRIP, accuracies).caption
    assert "from 40.83 (random at 98 %) to 95.16 (global at 80 %) on average" in caption
    assert "Long dashes: the mean of dense." in caption


def test_names_of_another_column_stand_side_by_side(draw, losses):
    drawn = draw(STRIP, losses, y="accuracy", x="criterion", line="iterations")
    assert {"linear-model", "obd", "140"} <= set(drawn.words)


def test_without_pruned_networks_there_is_no_figure(draw, accuracies):
    assert draw(STRIP, accuracies.where({"method": "dense"})) is None
    assert draw(STRIP, Table((), accuracies.metrics)) is None


@pytest.mark.parametrize("option", ["y", "x", "line"])
def test_unknown_names_are_refused(draw, accuracies, option):
    with pytest.raises(UnknownName, match='"nothing" is not known'):
        draw(STRIP, accuracies, **{option: "nothing"})
