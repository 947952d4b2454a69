"""`--set run.key=value`: one change to a profile's runs, checked like the file itself."""

import tomllib
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from pruneproof.errors import BadConfig, BadOption, UnknownName
from pruneproof.papers.load import Paper, check_runs, keys_at
from pruneproof.papers.schema import RunsFile


def override(paper: Paper, profile: str, settings: tuple[str, ...]) -> Paper:
    """Return the paper with `run.key=value` settings applied to the runs of one profile.

    Keys are those of runs.toml: `mlp.retrain.epochs=3`, `mlp.sparsities=[0.5]`, `mlp.arms.global.floor=2` (all arms
    of the method `global`). Values are TOML; anything else is taken as a string.

    Raises:
        BadOption: a setting without `=` or with too short a key.
        UnknownName: a run, key or method that does not exist.
        BadConfig: a value of the wrong type or range.
    """
    if not settings:
        return paper
    content = paper.runs.model_dump(mode="json")
    paper.runs.profile(profile)
    for setting in settings:
        path, found, text = setting.partition("=")
        keys = path.split(".")
        if not found or len(keys) < 2:
            raise BadOption(
                f'--set "{setting}" is not understood. Write run.key=value, for example mlp.retrain.epochs=3.'
            )
        _apply(content[profile], keys, 0, _value(text), f"--set {setting}")
    said = " ".join(f"--set {setting}" for setting in settings)
    try:
        changed = replace(paper, runs=RunsFile.model_validate(content))
        check_runs(changed)
    except ValidationError as problem:
        first = problem.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            key = str(first["loc"][-1])
            raise UnknownName.among("key", key, keys_at(RunsFile, first["loc"][:-1]), where=said) from None
        raise BadConfig(
            f"{said} leads to an invalid run: {at}: {first['msg']} (found {first['input']!r})."
        ) from problem
    except BadConfig as problem:
        raise BadConfig(f"{said} leads to an invalid run: {problem}") from problem
    return changed


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _apply(node: Any, keys: list[str], depth: int, value: Any, where: str) -> None:
    """Set `keys[depth:]` below `node`, which `keys[:depth]` lead to."""
    key = keys[depth]
    parent = ".".join(keys[:depth])
    last = depth == len(keys) - 1
    if isinstance(node, list) and node and isinstance(node[0], dict):
        arms = [arm for arm in node if arm["method"] == key]
        if not arms:
            raise UnknownName.among("method", key, {arm["method"] for arm in node}, where=where)
        if last:
            raise BadOption(f'{where}: "{parent}.{key}" is a whole arm. Name one of its keys: {", ".join(arms[0])}.')
        for arm in arms:
            _apply(arm, keys, depth + 1, value, where)
        return
    if not isinstance(node, dict):
        raise BadOption(f'{where}: "{parent}" is {node!r}, which has no keys.')
    if set(node) == {"id", "options"} and key not in node:
        node = node["options"]  # the file writes options beside the id
    elif key not in node and not (last and keys[depth - 1] in ("options", "retrain")):
        raise UnknownName.among("key" if depth else "run", key, node, where=where)
    if last:
        node[key] = value
    else:
        _apply(node.get(key), keys, depth + 1, value, where)
