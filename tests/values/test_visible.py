"""Texts of strangers as a terminal may show them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.values.visible import HIDDEN, LONGEST, one_line, visible

ANY = st.text(st.characters(exclude_categories=()), max_size=40)


@given(ANY)
def test_nothing_is_left_that_a_terminal_obeys(text):
    assert not HIDDEN.search(visible(text))
    assert "\n" not in one_line(text)


@given(ANY)
def test_what_was_hidden_is_shown_so_that_texts_stay_different(text):
    assert (visible(text) == text) == (not HIDDEN.search(text))
    visible(text).encode("utf-8")


@pytest.mark.parametrize("hostile", ["\x1b]0;x\x07", "\x9b31m", "\u202e", "\udcff", "\r", "\x00", "\x7f"])
def test_each_kind_is_written_by_number(hostile):
    assert visible(hostile)[0] == "\\"


def test_the_middle_of_a_very_long_word_is_left_out():
    said = one_line(f'"{"x" * 200_000}" is not known')
    assert len(said) < LONGEST
    assert said.endswith('" is not known')
    assert "200002 characters" in said
