"""An observer: a file with how long each stage took."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from pruneproof.api import Event, Measured, Observer, RunInfo, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


class Stopwatch:
    """Writes a line for each stage that finishes; all calls come from one thread."""

    def __init__(self, run: RunInfo, file: TextIO) -> None:
        self.run, self.file = run, file
        self.started: dict[str, float] = {}

    def on_event(self, event: Event) -> None:
        """Learn that a stage started, progressed or finished."""
        if event.kind == "start":
            self.started[event.digest] = time.perf_counter()
        elif event.kind == "finish":
            seconds = time.perf_counter() - self.started.pop(event.digest)
            print(self.run.stages[event.digest].label, f"{seconds:.3f}", sep="\t", file=self.file)

    def on_measurement(self, measured: Measured) -> None:
        """Receive what was measured of one network; trackers log it."""

    def on_record(self, record: Mapping[str, Any]) -> None:
        """Receive the finished record, as JSON values."""


@contextmanager
def template_observer(run: RunInfo) -> Iterator[Stopwatch]:
    """Open the file `template-observer/seconds.tsv` beside the run's report until the run ends."""
    folder = run.folder / "template-observer"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "seconds.tsv").open("w", encoding="utf-8") as file:
        yield Stopwatch(run, file)


TEMPLATE_OBSERVER = Observer(
    id="template-observer",
    open=template_observer,
    about="How long each stage took, as a table.",
)


@hookimpl
def pruneproof_observers() -> Iterable[Observer]:
    """Register the observer."""
    return [TEMPLATE_OBSERVER]
