"""What must be right about a value before anything runs: its source, its functions, and what it declares about laws."""

import dataclasses
import inspect
from typing import Any

from pruneproof.contracts.laws import check_declarations
from pruneproof.contracts.source import Source
from pruneproof.errors import BadPlugin
from pruneproof.registry.kinds import kind_of
from pruneproof.registry.signatures import check_function


def check(value: Any, *, owner: str = "") -> None:
    """Check a value that a plugin registers; `owner` begins the message.

    >>> from pruneproof.contracts.criterion import Criterion
    >>> check(Criterion("mine", lambda weights: weights, Source("A. Reader", 2026, "Mine")))

    Raises:
        BadPlugin: anything is missing or wrong.
    """
    kind = kind_of(type(value))
    label = f'{owner}{kind.noun} "{value.id}" ({place(getattr(value, kind.field))})'
    fields = {each.name: each for each in dataclasses.fields(value)}
    may_lack_source = "source" not in fields or (fields["source"].default is None and value.source is None)
    if not may_lack_source and not isinstance(value.source, Source):
        raise BadPlugin(f"{label} names no source. Give a Source with authors, year and title.")
    if "about" in fields and not (isinstance(value.about, str) and value.about.strip()):
        raise BadPlugin(f'{label} says nothing in "about". Write one line that says what it does.')
    for name, signature in kind.functions.items():
        check_function(getattr(value, name), signature, label)
    if kind.laws:
        claims: frozenset[str] = getattr(value, "laws", frozenset())
        check_declarations(label, kind.laws, value.expected_failures, claims=claims, claimable=kind.claimable)


def place(function: Any) -> str:
    """Return `file:line` of a function, or its module where it has no code.

    >>> place(len)
    'builtins'
    """
    function = inspect.unwrap(getattr(function, "func", function))
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else getattr(function, "__module__", "unknown")
