"""`compare`: the digests of a record against those of its re-execution."""

from collections.abc import Sequence
from dataclasses import dataclass

from pruneproof.papers.record import StageRecord
from pruneproof.pipeline.kinds.table import COMPARED


@dataclass(frozen=True)
class Difference:
    """An output whose digest differs between a record and its re-execution."""

    stage: str
    output: str
    recorded: str
    found: str


def compare(recorded: Sequence[StageRecord], again: Sequence[StageRecord]) -> tuple[int, list[Difference]]:
    """Return how many mask, measurement and fact digests were compared, and those that differ."""
    found = {stage.digest: stage.outputs for stage in again}
    pairs = [
        Difference(stage.label, name, digest, found.get(stage.digest, {}).get(name, "not made"))
        for stage in recorded
        for name, digest in stage.outputs.items()
        if name in COMPARED
    ]
    return len(pairs), [pair for pair in pairs if pair.recorded != pair.found]
