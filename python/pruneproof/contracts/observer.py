"""`Observer`: sees what a run does and measures, and can change none of it. For trackers."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pruneproof.contracts.executor import Event
from pruneproof.values.measurements import Measurement


@dataclass(frozen=True)
class StageInfo:
    """What one stage of a run does."""

    kind: str
    """A kind of stage: `init`, `train`, `prune`, `measure`, ..."""
    label: str
    inputs: Mapping[str, Any]
    """Everything that goes into it, as JSON values: model, data, seed, recipe, criterion and options, selection."""


@dataclass(frozen=True)
class RunInfo:
    """A run that is about to start."""

    paper: str
    title: str
    profile: str
    """One of the paper's profiles."""
    device: str
    """`cpu` or `cuda`."""
    variant: Sequence[str]
    """The `--set` values; empty for the paper's own."""
    plan: str
    """Digest over all stages; the same plan has the same digest anywhere."""
    stages: Mapping[str, StageInfo]
    """Digest -> stage, of the whole plan; those in the store already send no events."""
    folder: Path
    """Where this run's record and report go; an observer may write below it, under its own id."""


@dataclass(frozen=True)
class Measured:
    """One network of the plan with one of its measurements."""

    run: str
    method: str
    sparsity: float
    """Target, cumulative over the prunable weights; 0 for the dense network."""
    seed: int
    at: str
    """Name of the step that measured it: `end`, or an earlier one."""
    digest: str
    """Of the stage that measured it."""
    measurement: Measurement
    """Metric -> value."""
    history: Mapping[str, Any]
    """The last training before, by epoch: the lists `loss` (training; None where it diverged) and `validation` (empty
    without a held-out part), and `watched`, metric -> list; empty where there was none."""


class Session(Protocol):
    """One run, as an observer sees it. All calls come from one thread of the process that started the run."""

    def on_event(self, event: Event) -> None:
        """Learn that a stage started, progressed (epochs or steps) or finished."""
        ...

    def on_measurement(self, measured: Measured) -> None:
        """Receive a measurement: those in the store first, the others as they finish; each once."""
        ...

    def on_record(self, record: Mapping[str, Any]) -> None:
        """Receive the record as JSON values (`record.json`), verdicts included; not called if the run fails."""
        ...


@dataclass(frozen=True)
class Observer:
    """A named listener, chosen with `repro run --observe ID`.

    `open(run)` returns a context manager: entered before the first stage, it yields a `Session`; it is left when the
    run ends, with the exception if the run failed. An observer that raises is not called again, its failure is reported
    once and at once, and run, record and exit status stay as they would be without it.
    """

    id: str
    open: Callable[[RunInfo], AbstractContextManager[Session]]
    about: str
