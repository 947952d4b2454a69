"""What each kind of value must look like, checked when it is registered and before anything runs."""

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin

from pruneproof.api import INGREDIENTS, Allocation, Criterion, Model, Schedule, Source
from pruneproof.errors import BadPlugin

Parameters = Mapping[str, inspect.Parameter]

MAPPINGS = ("Mapping", "MutableMapping", "dict")
SEQUENCES = ("Sequence", "Iterable", "Collection", "list", "tuple")


@dataclass(frozen=True)
class Signature:
    """How the function behind a value is called. Class names say which annotations fit, where one is given."""

    takes: Mapping[str, Sequence[str]]
    """Positional parameter -> classes that its annotation may name; a criterion picks from them in any order."""
    returns: Sequence[str] = ()
    """Classes of which the answer is one; empty for any."""
    keywords: Sequence[str] = ()
    """Keyword-only parameters that are passed in every call."""
    options: bool = True
    """Whether there may be other keyword-only parameters."""


_INGREDIENTS = dict.fromkeys(INGREDIENTS, MAPPINGS) | {"rng": ("Generator",), "probe": ("Probe",)}
SIGNATURES: Mapping[str, Signature] = {
    "criterion": Signature(_INGREDIENTS, MAPPINGS),
    "allocation": Signature({"weights": MAPPINGS, "keep": ("int",)}, MAPPINGS),
    "schedule": Signature({"target": ("float",), "steps": ("int",)}, (*SEQUENCES, "ndarray")),
    "model": Signature({"shape": SEQUENCES, "classes": ("int",)}, ("Module",)),
    "data set": Signature({"root": ("Path", "PurePath", "PathLike")}, options=False),
    "claim test": Signature({"samples": (*SEQUENCES, "ndarray")}, ("Outcome",)),
    "mechanism": Signature({}, SEQUENCES),
    "executor": Signature({"stages": SEQUENCES, "site": ()}, keywords=("workers", "on_event"), options=False),
    "observer": Signature({"run": ("RunInfo",)}, options=False),
}
_NUMBERS = {float: (int, float)}


def check_value(kind: str, value: Any, function: Callable[..., Any], label: str) -> None:
    """Check a registered value of one kind: its source or description, and the signature of its function.

    Args:
        kind: of the value, a key of `SIGNATURES`.
        value: what the plugin registers.
        function: what of it is called.
        label: names value, file and line in a message.

    Raises:
        BadPlugin: anything is missing or wrong.
    """
    if hasattr(value, "source") and not isinstance(value.source, Source):
        raise BadPlugin(f"{label} names no source. Give a Source with authors, year and title.")
    if not hasattr(value, "source") and not (isinstance(value.about, str) and value.about.strip()):
        raise BadPlugin(f'{label} says nothing in "about". Write one line that says what it does.')
    if not callable(function):
        raise BadPlugin(f"{label} holds {function!r} where a function was expected.")
    try:
        parameters, answer = _read(function)
    except (TypeError, ValueError) as problem:
        raise BadPlugin(f"{label} has a signature that cannot be read: {problem}.") from None
    signature = SIGNATURES[kind]
    if isinstance(value, Allocation | Criterion | Model | Schedule):
        value.check()  # what it declares about laws, and a criterion's ingredients
    if not isinstance(value, Criterion):
        _check_parameters(parameters, signature, label)
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


def _check_parameters(parameters: Parameters, signature: Signature, label: str) -> None:
    positional = [name for name, each in parameters.items() if each.kind is not each.KEYWORD_ONLY]
    expected = _usage(signature)
    for name, each in parameters.items():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            stars = "*" if each.kind is each.VAR_POSITIONAL else "**"
            raise BadPlugin(f"{label} takes {stars}{name}. Name each parameter; {expected} was expected.")
    if positional != list(signature.takes):
        raise BadPlugin(f"{label} takes ({', '.join(parameters)}); {expected} was expected.")
    options = [name for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY]
    missing = [name for name in signature.keywords if name not in options]
    unknown = [name for name in options if name not in signature.keywords]
    if missing or (unknown and not signature.options):
        raise BadPlugin(f"{label} takes ({', '.join(parameters)}); {expected} was expected.")


def _check_annotations(parameters: Parameters, signature: Signature, label: str) -> None:
    for name, each in parameters.items():
        if name in signature.takes and not _fits(each.annotation, signature.takes[name], exactly=True):
            raise BadPlugin(
                f'{label} annotates "{name}" with {_written(each.annotation)}; {_listed(signature.takes[name])} was '
                "expected. Correct it, or leave it out."
            )
        default, said = each.default, each.annotation
        if name in signature.takes or default is each.empty or said not in (bool, int, float, str):
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
    keywords += (["..., options"] if keywords else ["*, options"]) if signature.options else []
    return f"({', '.join([*signature.takes, *keywords])})"


def _written(annotation: Any) -> str:
    return f'"{inspect.formatannotation(annotation)}"'


def _listed(names: Sequence[str]) -> str:
    return f'"{names[0]}"' if len(names) == 1 else " or ".join(f'"{name}"' for name in names[:2])
