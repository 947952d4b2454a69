"""TOML text as values, with one kind of error whatever is wrong with it."""

import tomllib
from typing import Any

_INTEGERS = range(-(2**63), 2**63)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the values of a TOML document.

    >>> parse_toml("a = [1, 0.5]")
    {'a': [1, 0.5]}

    Raises:
        ValueError: it is not valid, is nested too deeply, or holds an integer beyond TOML's 64 bits.
    """
    try:
        content = tomllib.loads(text)
        _check(content)
    except RecursionError:
        raise ValueError("arrays or tables are nested too deeply") from None
    except ValueError as problem:
        if "integer string conversion" in str(problem):
            raise _too_large() from None
        raise
    return content


def _check(value: Any) -> None:
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, int) and value not in _INTEGERS:
        raise _too_large()
    if not isinstance(value, str | int | float) and hasattr(value, "__iter__"):
        for each in value:
            _check(each)


def _too_large() -> ValueError:
    return ValueError("an integer does not fit in 64 bits, the most that TOML promises")
