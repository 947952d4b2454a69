"""Texts of strangers on a terminal: names, titles and paths may hold what a terminal obeys rather than shows."""

import re

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Control characters but tab and line end, those that turn the direction of writing, halves of characters, and none."""
LONGEST = 1000
"""Characters of a word that a message repeats whole."""
_LONG = re.compile(rf"\S{{{LONGEST + 1},}}")


def visible(text: str) -> str:
    r"""Return text of which a terminal shows every character.

    >>> print(visible("a\x1b[31m"))
    a\x1b[31m
    """
    return HIDDEN.sub(lambda found: repr(found[0])[1:-1], text)


def one_line(text: str) -> str:
    r"""Return a message as one visible line, in which very long words lack their middle.

    >>> print(one_line("no file a\nb"))
    no file a\nb
    """
    return _LONG.sub(_shortened, visible(text.replace("\n", "\\n").replace("\t", " ")))


def _shortened(found: re.Match[str]) -> str:
    word = found[0]
    return f"{word[:100]}...({len(word)} characters)...{word[-100:]}"
