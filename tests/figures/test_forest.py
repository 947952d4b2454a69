from typing import get_args

import pytest

from pruneproof.contracts.claims import ValueScale, Verdict
from pruneproof.drawing import Claim, Table
from pruneproof.figures.forest import COLOURS, FOREST, MARKERS, SYMBOLS

SIGNED, SHARE = ValueScale(signed=True), ValueScale(unit="share of seeds", range=(0, 1), counts="collapsed")


def claim(name="a", value=1.0, low=0.5, high=1.5, **changes):
    plain = {"text": f"text of {name}", "verdict": "holds", "unit": "points", "scale": SIGNED}
    return Claim(id=name, value=value, low=low, high=high, **(plain | changes))


def forest(draw, *claims, **options):
    return draw(FOREST, Table((), claims=claims), **options)


def test_each_claim_with_a_value_has_a_row_with_mark_and_interval(draw):
    drawn = forest(draw, claim("a"), claim("b", value=2.0, verdict="fails"), claim("c", value=None))
    lines = drawn.panels[0].axes.lines
    assert [list(line.get_xdata()) for line in lines if len(line.get_xdata()) == 2 and line.get_zorder() == 2] == [
        [0.5, 1.5],
        [0.5, 1.5],
    ]
    assert [line.get_xdata()[0] for line in lines if line.get_marker() in ("o", "X")] == [1.0, 2.0]
    assert [line.get_color() for line in lines if line.get_marker() in ("o", "X")] == [
        COLOURS["holds"],
        COLOURS["fails"],
    ]
    assert any(word.startswith("✘ b: text of b") for word in drawn.words)
    assert drawn.caption.startswith("2 claims with a number: 1 holds, 1 fails.")


def test_every_verdict_has_colour_mark_and_symbol_of_its_own():
    for each in (COLOURS, MARKERS, SYMBOLS):
        assert set(each) == set(get_args(Verdict))
        assert len(set(each.values())) == len(each)


def test_claims_of_one_quantity_share_a_panel(draw):
    drawn = forest(draw, claim("a"), claim("b", scale=SHARE, value=1.0), claim("c", unit="nats"), claim("d"))
    labels = [panel.axes.get_xlabel() for panel in drawn.panels]
    assert labels == ["difference (points)", "share of seeds", "difference (nats)"]


def test_a_natural_range_is_the_axis(draw):
    [panel] = forest(draw, claim("a", scale=SHARE, value=0.5)).panels
    assert panel.axes.get_xlim() == pytest.approx((-0.05, 1.05))


def test_bounds_are_drawn_and_explained(draw):
    drawn = forest(draw, claim("a", bounds=(-0.5,)))
    strokes = [list(line.get_xdata()) for line in drawn.panels[0].axes.lines if line.get_marker() == "|"]
    assert strokes == [[-0.5]]
    assert "bound of the claim" in drawn.words
    assert "bound of the claim" not in forest(draw, claim("a")).words


def test_small_differences_stay_apart_beside_large_ones_and_the_axis_says_so(draw):
    wide = forest(draw, claim("a", value=0.5), claim("b", value=80.0, low=70.0, high=90.0))
    assert "difference (points), log scale beyond ±1" in wide.words
    assert {"0", "1", "10"} <= set(wide.words)
    assert "difference (points)" in forest(draw, claim("a", value=0.5), claim("b", value=3.0)).words


def test_long_texts_are_wrapped_rather_than_cut(draw):
    text = "With the Minimum Threshold as the paper defines it, MobileNet-V2 ends at least 10 points above the other."
    words = " ".join(forest(draw, claim("a", text=text)).words)
    assert text in words


def test_without_numbers_there_is_no_figure(draw):
    assert forest(draw) is None
    assert forest(draw, claim(value=None)) is None


def test_every_claim_of_a_record_with_a_value_is_there(draw, recorded):
    table = recorded("global-mp", "mini")
    words = " ".join(draw(FOREST, table).words)
    for each in table.claims:
        assert (f" {each.id}: " in words) == (each.value is not None)


def test_the_figure_fits_a_phone_and_no_text_leaves_it(draw, recorded):
    drawn = draw(FOREST, recorded("global-mp", "mini"))
    assert max(map(len, drawn.words)) <= 68
