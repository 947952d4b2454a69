"""`Law`: a named statement about one kind of thing, and the function that tries to refute it on one case."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any


class LawBroken(AssertionError):
    """A case on which a law does not hold: what was found, and what its author can do."""

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"found: {found}\ndo: {advice}")
        self.found, self.advice = found, advice


def require(holds: bool, found: str, advice: str) -> None:
    """Go on if the law `holds` so far.

    Raises:
        LawBroken: it does not.
    """
    if not holds:
        raise LawBroken(found, advice)


def _always(_: Any) -> str:
    return ""


@dataclass(frozen=True)
class Law:
    """A law and its test.

    `test(subject, case)` returns where the law holds, raises `LawBroken` where it does not, and rejects with
    hypothesis's `assume` a case that says nothing about it. A law that no case could test counts as broken.
    """

    id: str
    test: Callable[[Any, Any], None]
    skip: Callable[[Any], str] = _always
    """Subject -> why the law does not apply to it; empty where it does."""

    @property
    def statement(self) -> str:
        """The law as mathematics: the docstring of its test."""
        return cleandoc(self.test.__doc__ or "")


def law(test: Callable[[Any, Any], None], *, skip: Callable[[Any], str] = _always) -> Law:
    """Make a law of a test function; the function's name is the law's.

    >>> def never_falls(subject, case):
    ...     '''f(x) <= f(y) where x <= y.'''
    >>> law(never_falls).id
    'never-falls'
    """
    return Law(test.__name__.replace("_", "-"), test, skip)
