"""Turns what pydantic finds wrong in a TOML file into one message with file and line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.locate import KeyPath

Lines = Mapping[KeyPath, int]
_NO_BLAME = {"bool_type", "float_type", "string_type", "list_type", "model_type"}
"""Errors of the simple side of a union such as `Quantity | float`; the table side says more."""


def explain(problem: ValidationError, path: Path, kind: type[BaseModel], lines: Lines, at: KeyPath = ()) -> NoReturn:
    """Raise what pydantic found as one message: the deepest error, with file and line.

    Raises:
        UnknownName: a key that does not exist.
        BadConfig: anything else.
    """
    errors = [each for each in problem.errors() if each["type"] not in _NO_BLAME] or problem.errors()
    worst = max(errors, key=lambda each: len(_spelled((*at, *each["loc"]), lines)))
    spelled = _spelled((*at, *worst["loc"]), lines)
    where = f"{path}, line {line_of(lines, spelled)}"
    key = str(worst["loc"][-1]) if worst["loc"] else ""
    if worst["type"] == "extra_forbidden":
        raise UnknownName.among("key", key, keys_at(kind, worst["loc"][:-1]), where=where) from None
    label = ".".join(str(part) for part in spelled)
    if worst["type"] == "missing":
        raise BadConfig(f'{where}: the key "{key}" is missing{f" in {label}" if label else ""}. Add it.') from None
    message = worst["msg"].removeprefix("Value error, ")
    found = repr(worst["input"])
    found = found if len(found) <= 80 else f"{found[:77]}..."
    raise BadConfig(f"{where}: {label}: {message}; found {found}.") from None


def line_of(lines: Lines, path: Sequence[str | int]) -> int:
    """Return the line of a key path, or of the nearest table around it that the file spells out."""
    spelled = tuple(path)
    while spelled and spelled not in lines:
        spelled = spelled[:-1]
    return lines.get(spelled, 1)


def keys_at(kind: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the keys allowed at a pydantic location, walking from the class `kind`."""
    current = [kind]
    names_next = False
    for part in location:
        if isinstance(part, int) or names_next:
            names_next = False
            continue
        annotations = [each.model_fields[part].annotation for each in current if part in each.model_fields]
        extras = [each.__annotations__.get("__pydantic_extra__") for each in current if part not in each.model_fields]
        if annotations:
            current = [found for each in annotations for found in _models(each)]
            names_next = any(get_origin(each) is dict for each in annotations)
        elif tagged := [each for each in current if part in (each.__name__, *_tags(each))]:
            current = tagged  # the tag of a union
        elif any(extras):
            current = [found for each in extras for found in _models(_inside(each))]
            names_next = True
    return sorted({_alias(each, name) for each in current for name in each.model_fields})


def _alias(kind: type[BaseModel], name: str) -> str:
    return kind.model_fields[name].alias or name


def _inside(annotation: Any) -> Any:
    """Return what a table of extra keys holds under each."""
    return get_args(annotation)[-1] if get_args(annotation) else annotation


def _spelled(path: Sequence[str | int], lines: Lines) -> KeyPath:
    """Drop from a pydantic location what is not spelled in the file: union tags and missing keys."""
    spelled: KeyPath = ()
    for part in path:
        if (*spelled, part) in lines:
            spelled = (*spelled, part)
    return spelled


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for each in get_args(annotation) for found in _models(each)]


def _tags(kind: type[BaseModel]) -> tuple[Any, ...]:
    """Return the tags by which a union knows a class: its `kind` or its `do`."""
    for field in ("kind", "do"):
        if field in kind.model_fields:
            return get_args(kind.model_fields[field].annotation)
    return ("repeat",) if "repeat" in kind.model_fields else ()
