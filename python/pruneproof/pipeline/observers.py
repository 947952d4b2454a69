"""Notifies observers of what a run does; one that raises is closed, named at once, and spoils nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from pruneproof.contracts.executor import Event
from pruneproof.contracts.observer import Measured, Observer, RunInfo, Session, StageInfo
from pruneproof.pipeline.kinds.table import HISTORY, MEASUREMENT
from pruneproof.pipeline.plan import Plan, PlannedCell
from pruneproof.pipeline.store import Store
from pruneproof.registry.blame import kept_traceback, said
from pruneproof.registry.catalog import Entry
from pruneproof.values.measurements import Measurement
from pruneproof.values.surroundings import kept


def describe_run(plan: Plan, **facts: Any) -> RunInfo:
    """Return what observers learn when a run starts."""
    stages = {digest: StageInfo(stage.kind, stage.label, stage.inputs) for digest, stage in plan.stages.items()}
    return RunInfo(paper=plan.paper, profile=plan.profile, plan=plan.digest, stages=stages, **facts)


class ObserverHub:
    """The observers of one run, from `with ObserverHub(...)` to its end."""

    def __init__(
        self,
        observers: Sequence[Entry[Observer]],
        run: RunInfo,
        plan: Plan,
        store: Store,
        warn: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Take the observers and what they hear of; `warn` receives one line about each that fails, when it does."""
        self._failed: set[str] = set()
        self._warn = warn
        self._observers = {entry.id: entry for entry in observers}
        self._run, self._store = run, store
        self._plan = plan
        self._waiting: dict[str, list[tuple[PlannedCell, str]]] = {}
        """Digest of a stage that measures -> the networks and steps that it serves."""
        for cell in plan.cells if observers else ():
            for name, digest in cell.measures.items():
                self._waiting.setdefault(digest, []).append((cell, name))
        self._open: dict[str, tuple[AbstractContextManager[Session], Session]] = {}

    def __enter__(self) -> "ObserverHub":
        for name, entry in self._observers.items():
            with _Guard(self, name):
                manager = entry.value.open(self._run)
                self._open[name] = (manager, manager.__enter__())
        for digest in [digest for digest in self._waiting if self._store.finished(digest) is not None]:
            self._notify_measured(digest)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._open):
            manager, _ = self._open.pop(name)
            with _Guard(self, name):
                manager.__exit__(kind, problem, trace)

    def notify(self, event: Event) -> None:
        """Pass on an event, and the measurements that a finished stage brings."""
        self._call(lambda session: session.on_event(event))
        if event.kind == "finish":
            self._notify_measured(event.digest)

    def finish(self, record: Mapping[str, Any]) -> None:
        """Pass on the finished record, after any measurement that another process has made."""
        for digest in list(self._waiting):
            self._notify_measured(digest)
        self._call(lambda session: session.on_record(record))

    def _notify_measured(self, digest: str) -> None:
        for cell, name in self._waiting.pop(digest, ()):
            measured = Measured(
                run=cell.run,
                method=cell.method,
                sparsity=cell.sparsity,
                seed=cell.seed,
                at=name,
                digest=digest,
                measurement=Measurement.from_json(self._store.expect(digest).json(MEASUREMENT.file)),
                history=self._history(cell, digest),
            )
            self._call(lambda session, measured=measured: session.on_measurement(measured))

    def _history(self, cell: PlannedCell, digest: str) -> Mapping[str, Any]:
        """Return the history of the last training before a measurement; empty where there is none."""
        before = cell.stages[: cell.stages.index(digest)]
        trained = [each for each in before if self._plan.stages[each].kind in ("train", "search")]
        history: Mapping[str, Any] = self._store.expect(trained[-1]).json(HISTORY.file) if trained else {}
        return history

    def _call(self, say: Callable[..., None]) -> None:
        for name, (_, session) in list(self._open.items()):
            with _Guard(self, name):
                say(session)

    def drop(self, name: str, problem: BaseException) -> None:
        """Tell what an observer raised, and close it, so that what it holds open is freed."""
        if name not in self._failed:
            self._failed.add(name)
            entry = self._observers[name]
            self._warn(
                f"{entry} raised {said(problem)} (hook {entry.hook}). It is not called again; the run and its record "
                f"are not affected. {kept_traceback(problem)}"
            )
        manager, _ = self._open.pop(name, (None, None))
        if manager is not None:
            with _Guard(self, name):
                manager.__exit__(type(problem), problem, problem.__traceback__)


class _Guard:
    """Lets nothing out that third-party code raises by mistake, and puts back what it changes around it."""

    def __init__(self, hub: ObserverHub, name: str) -> None:
        self.hub, self.name = hub, name
        self.surroundings = kept(new_variables=True)

    def __enter__(self) -> None:
        self.surroundings.__enter__()

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, _: object) -> bool:
        self.surroundings.__exit__(None, None, None)
        if not isinstance(problem, Exception | SystemExit):
            return False
        self.hub.drop(self.name, problem)
        return True
