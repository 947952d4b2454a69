"""`compare`: the digests of a record against those of its re-execution."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pruneproof.papers.record import StageRecord

OUTCOMES = ("identical", "different", "could not run", "not compared")
"""What becomes of a recorded stage."""


@dataclass(frozen=True)
class Difference:
    """An output whose digest differs between a record and its re-execution."""

    stage: str
    """Its label."""
    kind: str
    output: str
    recorded: str
    found: str


@dataclass(frozen=True)
class Comparison:
    """Recorded stages by outcome, and every output that differs."""

    kinds: Mapping[str, Mapping[str, int]]
    """Kind of stage -> outcome -> number of stages."""
    digests: int
    """How many were compared."""
    differences: tuple[Difference, ...]
    """In the order in which stages build on each other, so that the first is where runs part."""


def compare(recorded: Sequence[StageRecord], again: Sequence[StageRecord], tried: Container[str]) -> Comparison:
    """Compare every output of the recorded stages that were made again.

    Args:
        recorded: the stages of a record, each after those it needs.
        again: those that were made again.
        tried: digests of the stages that should have been.
    """
    found = {stage.digest: stage.outputs for stage in again}
    kinds = {stage.kind: dict.fromkeys(OUTCOMES, 0) for stage in recorded}
    differences: list[Difference] = []
    digests = 0
    for stage in recorded:
        if stage.digest not in found:
            kinds[stage.kind]["could not run" if stage.digest in tried else "not compared"] += 1
            continue
        outputs = found[stage.digest]
        different = [
            Difference(stage.label, stage.kind, name, digest, outputs.get(name, "not made"))
            for name, digest in stage.outputs.items()
            if outputs.get(name) != digest
        ]
        kinds[stage.kind]["different" if different else "identical"] += 1
        digests += len(stage.outputs)
        differences += different
    return Comparison(kinds, digests, tuple(differences))


_OF_NO_EFFECT = ("cores", "memory_gib")


def machine_differences(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return what differs between two environments of records: name -> as recorded, as found here.

    >>> old = {"processor": "A", "cores": 2, "versions": {"torch": "2.4.0"}}
    >>> machine_differences(old, {"processor": "B", "cores": 8, "versions": {"torch": "2.4.0"}})
    {'processor': ('A', 'B')}
    """
    old, new = _flat(recorded), _flat(here)
    names = [name for name in dict.fromkeys([*old, *new]) if name not in _OF_NO_EFFECT]
    return {
        name: (old.get(name, "not said"), new.get(name, "not set"))
        for name in names
        if old.get(name) != new.get(name) and (name in old or name.startswith("variables"))
    }


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in environment.items():
        if isinstance(value, Mapping):
            found |= {f"{name} {each}": str(text) for each, text in value.items()}
        else:
            found[name] = str(value)
    return found
