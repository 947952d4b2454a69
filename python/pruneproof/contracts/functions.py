"""What the signature of a registered function says: its ingredients and its options."""

import inspect
from collections.abc import Callable
from typing import Any


def ingredients(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the positional parameters, in order: what the function asks for.

    >>> def score(weights, grads, *, power: float = 2.0): ...
    >>> ingredients(score)
    ('weights', 'grads')
    """
    return tuple(name for name, each in inspect.signature(function).parameters.items() if each.kind not in _NOT_ASKED)


def options(function: Callable[..., Any]) -> dict[str, Any]:
    """Return keyword-only parameter -> default: what a config may set. `Parameter.empty` where there is no default.

    >>> def score(weights, grads, *, power: float = 2.0): ...
    >>> options(score)
    {'power': 2.0}
    """
    parameters = inspect.signature(function).parameters
    return {name: each.default for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY}


_NOT_ASKED = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
