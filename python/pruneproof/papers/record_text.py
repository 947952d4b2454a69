"""A record as text: compact JSON with one line per stage, cell and claim, and the format before, brought up to date."""

import json
from collections.abc import Mapping
from typing import Any

FORMAT = "pruneproof-record/2"
_LINED = ("stages", "cells", "claims")


def record_text(content: Mapping[str, Any]) -> str:
    """Return a record's content as JSON that git can merge: a line for each stage, cell and claim."""
    whole = dict(content) | {"format": FORMAT}
    lines = [f"{_line(key)}: {_line(value)}" for key, value in whole.items() if key not in _LINED]
    for key in _LINED:
        each = ",\n".join(_line(item) for item in whole.get(key, ()))
        lines.append(f"{_line(key)}: [\n{each}\n]" if each else f"{_line(key)}: []")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def upgraded(content: Any) -> Any:
    """Return the content of a record in today's form; only one of `pruneproof-record/1` is rewritten."""
    if not isinstance(content, dict) or content.get("format") != "pruneproof-record/1":
        return content
    kept = {key: value for key, value in content.items() if key != "beside"}
    cells = [_cell(cell) for cell in content.get("cells", [])]
    return kept | {"format": FORMAT, "twins": content.get("beside", []), "cells": cells}


_BEFORE = {"accuracy_before": "accuracy", "loss_pruned": "train-loss"}
_OLD_NAMES = {"loss": "last-epoch-loss", "loss_retrained": "train-loss"}


def _cell(cell: Any) -> Any:
    """Return a cell of the first format: one measurement with a field for everything, at the end of the method."""
    if not isinstance(cell, dict) or not isinstance(cell.get("measurement"), dict):
        return cell
    old = cell["measurement"]
    before = {new: old[name] for name, new in _BEFORE.items() if old.get(name) is not None}
    end = {
        _OLD_NAMES.get(name, name.replace("_", "-")): value
        for name, value in old.items()
        if name not in _BEFORE and not name.endswith("_dense")
    }
    end["empty-tensors"] = sum(density == 0.0 for density in old.get("densities", {}).values())
    for name, first, second in (
        ("loss-gap", "loss_retrained", "loss_dense"),
        ("error-gap", "accuracy_dense", "accuracy"),
    ):
        _difference(end, name, old, first, second)
    _difference(before, "error-gap", old, "accuracy_dense", "accuracy_before")
    _difference(before, "loss-change", old, "loss_pruned", "loss_dense", absolute=True)
    arm = cell.get("arm", {})
    settings = {key: value for key, value in arm.items() if key not in ("options", "steps", "resample")}
    if arm:
        settings |= {"iterations": arm.get("steps", 1), **arm.get("options", {})}
    kept = {key: value for key, value in cell.items() if key not in ("measurement", "arm")}
    return kept | {"measured": {"end": end} | ({"pruned": before} if before else {}), "settings": settings}


def _difference(
    into: dict[str, Any], name: str, old: Mapping[str, Any], first: str, second: str, *, absolute: bool = False
) -> None:
    a, b = old.get(first), old.get(second)
    if a is not None and b is not None:
        into[name] = abs(a - b) if absolute else a - b
