"""One `--set key=value`: read, and put into the content of a runs file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pruneproof.errors import BadOption, UnknownName
from pruneproof.papers.toml_text import parse_toml


@dataclass(frozen=True)
class Setting:
    """A key path with its value, as written after `--set`."""

    text: str
    keys: tuple[str, ...]
    value: Any
    """A TOML value; what is not valid TOML is a string."""

    @classmethod
    def read(cls, text: str) -> "Setting":
        """Read `key=value` or `run.key=value`.

        Raises:
            BadOption: there is no `=`.
        """
        path, found, value = text.partition("=")
        if not found or not path:
            raise BadOption(
                f'--set "{text}" is not understood. Write run.key=value, for example mlp.recipe.retrain.epochs=3, or '
                "key=value for twins of the paper's methods, for example criterion=snip."
            )
        return cls(text, tuple(path.split(".")), _value(value))

    def apply(self, node: Any) -> None:
        """Set the value below `node`, the content of a profile's runs or of one method.

        Raises:
            UnknownName: a run, key or method that does not exist.
            BadOption: a key path that leads through something without keys.
        """
        _apply(node, self.keys, 0, self.value, f"--set {self.text}")


OF_PRUNING = ("criterion", "select", "sample", "schedule", "iterations")
"""Keys of a method's short form that a step which prunes has too."""


def places(method: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """Yield what holds a key of a method: the method, or where it has steps of its own those that prune.

    >>> steps = [{"do": "init"}, {"repeat": 2, "steps": [{"do": "prune", "criterion": "snip"}]}]
    >>> list(places({"method": "imp", "steps": steps}, "criterion"))
    [{'do': 'prune', 'criterion': 'snip'}]
    """
    if not method["steps"] or key not in (*OF_PRUNING, "retrain"):
        yield method
    elif key in OF_PRUNING:
        yield from _pruning(method["steps"], key)


def _pruning(steps: list[dict[str, Any]], key: str) -> Iterator[dict[str, Any]]:
    for step in steps:
        if "repeat" in step:
            yield from _pruning(step["steps"], key)
        elif step["do"] == "prune":
            yield step
        elif step["do"] == "train" and step.get("gradual") and key in step["gradual"]:
            yield step["gradual"]


def _value(text: str) -> Any:
    try:
        found = parse_toml(f"value = {text}")
    except ValueError:
        return text
    return found["value"] if len(found) == 1 else text  # a line end in it begins another key


def _apply(node: Any, keys: tuple[str, ...], depth: int, value: Any, where: str) -> None:
    """Set `keys[depth:]` below `node`, which `keys[:depth]` lead to."""
    key = keys[depth]
    parent = ".".join(keys[:depth])
    last = depth == len(keys) - 1
    if isinstance(node, list) and node and isinstance(node[0], dict):
        methods = [each for each in node if each.get("method") == key]
        if not methods:
            raise UnknownName.among("method", key, {each.get("method", "") for each in node} - {""}, where=where)
        if last:
            known = ", ".join(methods[0])
            raise BadOption(f'{where}: "{parent}.{key}" is a whole method. Name one of its keys: {known}.')
        found = [part for method in methods for part in places(method, keys[depth + 1])]
        if not found:
            raise BadOption(
                f'{where}: the method "{key}" has steps of its own, and none of them has `{keys[depth + 1]}`. Change a '
                "recipe of the run, or edit a copy of the paper's folder."
            )
        for part in found:
            _apply(part, keys, depth + 1, value, where)
        return
    if not isinstance(node, dict):
        raise BadOption(f'{where}: "{parent}" is {node!r}, which has no keys.')
    if set(node) == {"id", "options"} and key not in node:
        node = node["options"]  # the file writes options next to the id
    elif key not in node and not (last and keys[depth - 1] in ("options", "retrain", "change")):
        deeper = [name for name, inner in node.items() if isinstance(inner, dict) and key in inner]
        advice = f"Write {'.'.join((*keys[:depth], deeper[0], key))}." if deeper else ""
        raise UnknownName.among("key" if depth else "run", key, node, where=where, advice=advice)
    if last and isinstance(value, str) and isinstance(node.get(key), dict) and set(node[key]) == {"id", "options"}:
        node[key] = {"id": value, "options": {}}
    elif last:
        node[key] = value
    else:
        _apply(node.get(key), keys, depth + 1, value, where)
