"""What the signature of a registered function says: its ingredients and its options."""

import inspect
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from typing import Any


def ingredients(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the positional parameters, in order: what the function asks for.

    >>> def score(weights, grads, *, power: float = 2.0): ...
    >>> ingredients(score)
    ('weights', 'grads')
    """
    return tuple(name for name, each in _parameters(function).items() if each.kind not in _NOT_ASKED)


def options(function: Callable[..., Any]) -> dict[str, Any]:
    """Return keyword-only parameter -> default: what a config may set. `Parameter.empty` where there is no default.

    >>> def score(weights, grads, *, power: float = 2.0): ...
    >>> options(score)
    {'power': 2.0}
    """
    return {name: each.default for name, each in _parameters(function).items() if each.kind is each.KEYWORD_ONLY}


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return _known(function) if isinstance(function, Hashable) else inspect.signature(function).parameters


@cache  # a plan asks for the few hundred signatures some ten thousand times
def _known(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


_NOT_ASKED = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
