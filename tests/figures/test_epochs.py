"""Lines over epochs."""

import pytest

from pruneproof.drawing import MetricInfo, Row, Table
from pruneproof.errors import UnknownName
from pruneproof.figures.epochs import EPOCHS

METRICS = {"losses": MetricInfo("nats", per="epoch", better="smaller"), "accuracy": MetricInfo("%")}


def table(lengths):
    """Return two methods whose losses have a length for each seed."""
    rows = [
        Row("mlp", method, 0.5, seed, "end", {}, {"losses": [level / (1 + place) for place in range(length)]})
        for level, method in enumerate(("a", "b"), start=1)
        for seed, length in enumerate(lengths)
    ]
    return Table(tuple(rows), METRICS)


def test_each_method_is_a_line_over_the_epochs_beginning_at_the_first(draw):
    found = draw(EPOCHS, table([3, 3, 3]), y="losses", first=2)
    [panel] = found.panels
    assert list(panel.series) == ["a", "b"]
    assert {"epoch", "losses (nats)", "a", "b"} <= set(found.words)
    assert [end[0] for end in panel.ends] == [4, 4]
    assert "at the end of each epoch" in found.caption


def test_seeds_that_stopped_early_are_left_out(draw):
    assert draw(EPOCHS, table([4, 2, 4])).panels[0].ends[0][1] == pytest.approx(0.25)


def test_methods_without_the_metric_do_not_choose_the_sparsity(draw):
    other = [Row("mlp", name, 0.9, 0, "end", {}, {"accuracy": 1.0}) for name in ("c", "d", "e")]
    found = draw(EPOCHS, Table((*table([3, 3]).rows, *other), METRICS), y="losses")
    assert list(found.panels[0].series) == ["a", "b"]


def test_the_first_metric_per_epoch_is_drawn_where_none_is_named_and_nothing_where_there_is_none(draw):
    assert draw(EPOCHS, table([2])) is not None
    assert draw(EPOCHS, table([1])) is None
    assert draw(EPOCHS, Table((), METRICS)) is None
    with pytest.raises(UnknownName):
        draw(EPOCHS, table([2]), line="colour")
