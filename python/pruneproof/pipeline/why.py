"""`explain_stage`: what makes a planned stage another one than the most similar stage of the store."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pruneproof.pipeline.kinds.table import KINDS
from pruneproof.pipeline.plan import Plan, Stage
from pruneproof.pipeline.store import Store

ABSENT = "not there"


@dataclass(frozen=True)
class Change:
    """One input that differs."""

    path: str
    """Key path in the inputs, behind the stages on whose way it lies: `weights > recipe.lr`."""
    before: Any
    now: Any


@dataclass(frozen=True)
class Why:
    """A planned stage beside the stored one whose inputs differ least."""

    nearest: str | None
    """Digest of the stored stage; None where the store has none of the kind."""
    label: str
    """Of the stored stage."""
    changes: tuple[Change, ...]
    """Of its inputs and of those of the stages that it builds on; none where it is in the store."""


def explain_stage(plan: Plan, digest: str, store: Store) -> Why:
    """Return what changed since the stored stage of the same kind whose inputs differ least, the newest of several."""
    stage = plan.stages[digest]
    stored = store.stages()
    if digest in stored:
        return Why(digest, stage.label, ())
    alike = {each: dict(found) for each, found in stored.items() if found["kind"] == stage.kind}
    if not alike:
        return Why(None, "", ())

    def distance(other: str) -> tuple[int, int]:
        found = alike[other]
        near = sum(1 for _ in _differences(found["inputs"], stage.inputs))
        return near, sum(found["upstream"].get(role) != each for role, each in stage.upstream.items())

    nearest = min(reversed(alike), key=distance)
    changes = tuple(dict.fromkeys(_changes(plan, stored, stage, alike[nearest], "")))
    if not changes:
        version = KINDS[stage.kind].version
        changes = (Change("version", f"another version of the kind {stage.kind}", str(version)),)
    return Why(nearest, alike[nearest]["label"], changes)


def _changes(
    plan: Plan, stored: Mapping[str, Mapping[str, Any]], now: Stage, before: Mapping[str, Any], way: str
) -> Iterable[Change]:
    for path, old, new in _differences(before["inputs"], now.inputs):
        yield Change(way + path, old, new)
    for role in dict.fromkeys([*before["upstream"], *now.upstream]):
        old, new = before["upstream"].get(role), now.upstream.get(role)
        if old == new:
            continue
        if old and new and old in stored and stored[old]["kind"] == plan.stages[new].kind:
            yield from _changes(plan, stored, plan.stages[new], stored[old], f"{way}{role} > ")
        else:
            yield Change(f"{way}{role}", _stage(stored.get(old or ""), old), _planned(plan, new))


def _stage(found: Mapping[str, Any] | None, digest: str | None) -> str:
    return ABSENT if digest is None else f"{found['kind']} {found['label']}" if found else f"stage {digest[:8]}"


def _planned(plan: Plan, digest: str | None) -> str:
    return ABSENT if digest is None else f"{plan.stages[digest].kind} {plan.stages[digest].label}"


def _differences(before: Any, now: Any, path: str = "") -> Iterable[tuple[str, Any, Any]]:
    """Yield path, value before and value now of each leaf that differs.

    >>> list(_differences({"lr": 0.1, "at": [1, 2]}, {"lr": 0.1, "at": [1, 3], "seed": 0}))
    [('at.1', 2, 3), ('seed', 'not there', 0)]
    """
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        pairs = {str(key): (before.get(key, ABSENT), now.get(key, ABSENT)) for key in dict.fromkeys([*before, *now])}
    elif isinstance(before, list | tuple) and isinstance(now, list | tuple) and len(before) == len(now):
        pairs = {str(place): pair for place, pair in enumerate(zip(before, now, strict=True))}
    elif before != now:
        yield path, before, now
        return
    else:
        return
    for key, (old, new) in pairs.items():
        yield from _differences(old, new, f"{path}.{key}" if path else key)
