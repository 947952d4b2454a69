import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.drawing.style import GRID, INK, MUTED, PALETTE, PAPER, TEXT_PALETTE, house_style, styles

LEAST_CONTRAST = 4.5  # WCAG 2.1, level AA, for text


def luminance(colour):
    """Return relative luminance as WCAG 2.1 defines it."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", [*TEXT_PALETTE, INK, MUTED])
def test_words_are_readable_on_white(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= LEAST_CONTRAST


def test_every_colour_that_a_page_replaces_is_told_from_the_others():
    colours = [*PALETTE, *TEXT_PALETTE, INK, MUTED, GRID, PAPER]
    assert len(set(colours)) == len(colours)


@given(st.lists(st.sampled_from("abcdefghijklmnop"), unique=True), st.data())
def test_up_to_eight_series_differ_in_colour_whichever_are_shown(order, data):
    shown = data.draw(st.lists(st.sampled_from(order), unique=True, max_size=len(PALETTE))) if order else []
    found = styles(order, shown)
    assert set(found) == set(shown)
    assert len({style.colour for style in found.values()}) == len(found)


def test_beyond_the_palette_markers_tell_series_apart():
    names = [f"m{number}" for number in range(20)]
    assert len({(style.colour, style.marker) for style in styles(names, names).values()}) == 20


def test_a_series_keeps_its_colour_when_others_are_left_out():
    order = ["global", "uniform", "erk"]
    assert styles(order, ["erk"])["erk"] == styles(order, order)["erk"]


def test_matplotlibs_settings_are_neither_obeyed_nor_changed():
    with mpl.rc_context({"font.size": 31.0}):
        with house_style():
            assert mpl.rcParams["font.size"] == 8
        assert mpl.rcParams["font.size"] == 31.0
