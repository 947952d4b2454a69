"""How the functions of plugins are called, checked when they are registered and before anything runs."""

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args, get_origin

from pruneproof.errors import BadPlugin

Parameters = Mapping[str, inspect.Parameter]

MAPPINGS = ("Mapping", "MutableMapping", "dict")
SEQUENCES = ("Sequence", "Iterable", "Collection", "list", "tuple")
_NUMBERS = {float: (int, float)}


@dataclass(frozen=True)
class Signature:
    """How the function behind a value is called. Class names say which annotations fit, where one is given."""

    takes: Mapping[str, Sequence[str]]
    """Positional parameter -> classes that its annotation may name."""
    returns: Sequence[str] = ()
    """Classes of which the answer is one; empty for any."""
    picks: bool = False
    """Whether the function picks from `takes` what it needs, in any order: these are ingredients."""
    optional: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Positional parameters that may follow those of `takes`."""
    keywords: Sequence[str] = ()
    """Keyword-only parameters that are passed in every call."""
    options: Literal["any", "defaults", "none"] = "any"
    """Whether there may be other keyword-only parameters, and whether each must have a default."""


def check_function(function: Any, signature: Signature, label: str) -> None:
    """Check that a function can be called as its kind calls it; `label` names value, file and line.

    Raises:
        BadPlugin: it cannot.
    """
    if not callable(function):
        raise BadPlugin(f"{label} holds {function!r} where a function was expected.")
    try:
        parameters, answer = _read(function)
    except (TypeError, ValueError) as problem:
        raise BadPlugin(f"{label} has a signature that cannot be read: {problem}.") from None
    for name, each in parameters.items():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            stars = "*" if each.kind is each.VAR_POSITIONAL else "**"
            raise BadPlugin(f"{label} takes {stars}{name}. Name each parameter; {_usage(signature)} was expected.")
    (_check_ingredients if signature.picks else _check_parameters)(parameters, signature, label)
    _check_options(parameters, signature, label)
    _check_annotations(parameters, signature, label)
    if not _fits(answer, signature.returns, exactly=False):
        raise BadPlugin(
            f"{label} says that it returns {_written(answer)}; {_listed(signature.returns)} was expected. Correct it."
        )


def _read(function: Callable[..., Any]) -> tuple[Parameters, Any]:
    """Return parameters and answer with annotations as objects, or as written where their names lead nowhere."""
    try:
        found = inspect.signature(function, eval_str=True)
    except Exception:  # an annotation may name what exists for type checkers only
        found = inspect.signature(function)
    return found.parameters, found.return_annotation


def _check_ingredients(parameters: Parameters, signature: Signature, label: str) -> None:
    for name, each in parameters.items():
        if each.kind is not each.KEYWORD_ONLY and name not in signature.takes:
            raise BadPlugin(
                f'{label} asks for the ingredient "{name}". The vocabulary is {", ".join(signature.takes)}; make it '
                "keyword-only with a default if it is an option."
            )


def _check_parameters(parameters: Parameters, signature: Signature, label: str) -> None:
    positional = [name for name, each in parameters.items() if each.kind is not each.KEYWORD_ONLY]
    required = [name for name in positional if name not in signature.optional]
    if required != list(signature.takes):
        raise BadPlugin(f"{label} takes ({', '.join(parameters)}); {_usage(signature)} was expected.")


def _check_options(parameters: Parameters, signature: Signature, label: str) -> None:
    keyword_only = [name for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY]
    missing = [name for name in signature.keywords if name not in keyword_only]
    unknown = [name for name in keyword_only if name not in signature.keywords]
    if missing or (unknown and signature.options == "none"):
        raise BadPlugin(f"{label} takes ({', '.join(parameters)}); {_usage(signature)} was expected.")
    if signature.options == "defaults":
        for name in unknown:
            if parameters[name].default is inspect.Parameter.empty:
                raise BadPlugin(f'{label} has the option "{name}" without a default. Give it one.')


def _check_annotations(parameters: Parameters, signature: Signature, label: str) -> None:
    known = {**signature.takes, **signature.optional}
    for name, each in parameters.items():
        if name in known and not _fits(each.annotation, known[name], exactly=True):
            raise BadPlugin(
                f'{label} annotates "{name}" with {_written(each.annotation)}; {_listed(known[name])} was '
                "expected. Correct it, or leave it out."
            )
        default, said = each.default, each.annotation
        if name in known or default is each.empty or said not in (bool, int, float, str):
            continue
        if not isinstance(default, _NUMBERS.get(said, said)) or (said is not bool and isinstance(default, bool)):
            raise BadPlugin(
                f'{label} annotates the option "{name}" with {_written(said)}, and its default is {default!r}. '
                "Correct one of the two."
            )


def _fits(annotation: Any, names: Sequence[str], *, exactly: bool) -> bool:
    """Say whether an annotation may stand for one of the named classes; `exactly` leaves out their subclasses.

    What says nothing (missing, Any, a name that leads nowhere, a type variable) fits.
    """
    if not names or annotation in (inspect.Parameter.empty, Any, object) or isinstance(annotation, str):
        return True
    origin = get_origin(annotation) or annotation
    if origin in (Union, types.UnionType):
        return any(_fits(each, names, exactly=exactly) for each in get_args(annotation))
    if annotation is None or origin is type(None):
        return False
    if not isinstance(origin, type):
        return True
    known = (origin,) if exactly else origin.__mro__
    return any(each.__name__ in names for each in known)


def _usage(signature: Signature) -> str:
    keywords = ["*", *signature.keywords] if signature.keywords else []
    keywords += (["..., options"] if keywords else ["*, options"]) if signature.options != "none" else []
    names = [f"any of {', '.join(signature.takes)}"] if signature.picks else list(signature.takes)
    return f"({', '.join([*names, *keywords])})"


def _written(annotation: Any) -> str:
    return f'"{inspect.formatannotation(annotation)}"'


def _listed(names: Sequence[str]) -> str:
    return f'"{names[0]}"' if len(names) == 1 else " or ".join(f'"{name}"' for name in names[:2])
