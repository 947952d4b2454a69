import pytest

from pruneproof.drawing import MetricInfo, Row, Table
from pruneproof.figures.by_round import BY_ROUND


@pytest.fixture
def tickets():
    """Two methods over three rounds and four seeds, one without rounds, and the dense network."""
    rows = [Row("conv", "dense", 0.0, seed, "end", {}, {"accuracy": 98.0}) for seed in range(4)]
    rows += [Row("conv", "once", 0.9, seed, "end", {}, {"accuracy": 91.0}) for seed in range(4)]
    for method, lost in (("again", 1.0), ("early", 0.5)):
        for seed in range(4):
            for number in (1, 2, 3):
                values = {"accuracy": 98.0 - lost * number + 0.1 * seed}
                rows.append(Row("conv", method, 0.9, seed, f"round-{number}", {}, values))
            rows += [Row("conv", method, 0.9, seed, at, {}, values) for at in ("round", "end")]
    return Table(tuple(rows), {"accuracy": MetricInfo("%", better="larger")})


def test_lines_go_through_the_rounds_and_levels_are_of_the_end(draw, tickets):
    drawn = draw(BY_ROUND, tickets, y="accuracy")
    [panel] = drawn.panels
    assert {name for *_, name, _ in panel.ends} == {"again", "early", "dense"}
    assert [*panel.axes.get_xticks()] == [1, 2, 3]
    assert "After round 3, early is highest (96.65) and again lowest (95.15)." in drawn.caption
    assert "Long dashes: dense." in drawn.caption


def test_nothing_is_drawn_without_two_rounds(draw, tickets):
    assert draw(BY_ROUND, tickets, y="accuracy", at="lap") is None
    assert draw(BY_ROUND, tickets, y="accuracy", where={"method": "once"}) is None
