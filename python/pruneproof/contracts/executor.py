"""`Executor`: where stages run. It decides place and order, never what is computed."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.resource_tracker import ensure_running
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Event:
    """Progress of one stage: `done` of `total` epochs (or steps)."""

    kind: Literal["start", "progress", "finish"]
    digest: str
    """Of the stage."""
    done: int = 0
    total: int = 0


OnEvent = Callable[[Event], None]


class Work(Protocol):
    """One stage, as an executor sees it; it can be pickled."""

    @property
    def digest(self) -> str:
        """The stage's name in the store."""
        ...

    @property
    def label(self) -> str:
        """The stage's name for people."""
        ...

    @property
    def upstream(self) -> Mapping[str, str]:
        """Role -> digest of a stage that must be finished before, unless it is in the store already."""
        ...


class Worker(Protocol):
    """Runs stages one after the other in one process."""

    def run(self, stage: Any, on_epoch: Callable[[int, int], None] = ...) -> Any:
        """Run one stage (a `Work`) unless it is finished; `on_epoch(done, total)` hears of its progress."""
        ...


class WorkerSpec(Protocol):
    """What a worker needs: plugins, store and data folder. It can be pickled and opened in another process."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables of the run's numerics class, for processes that are started to open this."""
        ...

    def open(self) -> Worker:
        """Load the plugins and open the store; once per process. In one without `environment` it starts a child."""
        ...


@contextmanager
def started_with(changes: Mapping[str, str]) -> Iterator[None]:
    """Give environment variables to the processes that are started meanwhile, and spare them the terminal's interrupt.

    They never hear it, not even while they import; here it waits until the end.
    """
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        with _interrupts_blocked():
            yield
    finally:
        for name in changes.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    ensure_running()  # the tracker that multiprocessing starts beside the first process; its start ends any blocking
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True)
class Executor:
    """A named way to run stages.

    `run(stages, spec, *, workers, on_event)` gets stages in an order in which each follows those it needs, and returns
    when all are in the store. It raises what a stage refused, and tells `on_event`, in the calling process, of every
    start, progress and finish.
    """

    id: str
    run: Callable[..., None]
    about: str
