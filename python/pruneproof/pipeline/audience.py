"""Tells observers what a run does; one that raises is dropped, named once at the end, and spoils nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from pruneproof.contracts.executor import Event
from pruneproof.contracts.observer import Measured, Observer, RunInfo, Session, StageInfo
from pruneproof.papers.plan import Plan, PlannedCell
from pruneproof.pipeline.stages import HISTORY, MEASUREMENT
from pruneproof.pipeline.store import Store
from pruneproof.registry.catalog import Entry
from pruneproof.values.measurements import Measurement


def describe_run(plan: Plan, **facts: Any) -> RunInfo:
    """Return what observers learn when a run starts."""
    stages = {digest: StageInfo(stage.kind, stage.label, stage.inputs) for digest, stage in plan.stages.items()}
    return RunInfo(paper=plan.paper, profile=plan.profile, plan=plan.digest, stages=stages, **facts)


class Audience:
    """The observers of one run, from `with Audience(...)` to its end."""

    def __init__(self, observers: Sequence[Entry[Observer]], run: RunInfo, plan: Plan, store: Store) -> None:
        self.failures: dict[str, str] = {}
        """Observer -> what went wrong, in one sentence."""
        self._observers = {entry.id: entry for entry in observers}
        self._run, self._store = run, store
        self._cells: dict[str, list[PlannedCell]] = {}
        for cell in plan.cells if observers else ():
            self._cells.setdefault(cell.stages[-1], []).append(cell)
        self._open: dict[str, tuple[AbstractContextManager[Session], Session]] = {}

    def __enter__(self) -> "Audience":
        for name, entry in self._observers.items():
            with _Guard(self, name):
                manager = entry.value.open(self._run)
                self._open[name] = (manager, manager.__enter__())
        for digest in [digest for digest in self._cells if self._store.finished(digest) is not None]:
            self._tell_measured(digest)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._open):
            manager, _ = self._open.pop(name)
            with _Guard(self, name):
                manager.__exit__(kind, problem, trace)

    def hear(self, event: Event) -> None:
        """Pass on an event, and the measurements that a finished stage brings."""
        self._tell(lambda session: session.on_event(event))
        if event.kind == "finish":
            self._tell_measured(event.digest)

    def receive(self, record: Mapping[str, Any]) -> None:
        """Pass on the finished record, after any measurement that another process has made."""
        for digest in list(self._cells):
            self._tell_measured(digest)
        self._tell(lambda session: session.on_record(record))

    def _tell_measured(self, digest: str) -> None:
        for cell in self._cells.pop(digest, ()):
            made = self._store.expect(digest)
            measured = Measured(
                run=cell.run,
                method=cell.method,
                sparsity=cell.sparsity,
                seed=cell.seed,
                digest=digest,
                measurement=Measurement.from_json(made.json(MEASUREMENT)),
                history=made.json(HISTORY),
            )
            self._tell(lambda session, measured=measured: session.on_measurement(measured))

    def _tell(self, say: Callable[..., None]) -> None:
        for name, (_, session) in list(self._open.items()):
            with _Guard(self, name):
                say(session)

    def drop(self, name: str, problem: BaseException) -> None:
        """Note what an observer raised, and close it, so that what it holds open is freed."""
        entry = self._observers[name]
        self.failures.setdefault(
            name,
            f'observer "{name}" ({entry.where}, {entry.plugin.distribution} {entry.plugin.version}) raised '
            f"{type(problem).__name__}: {problem}. It was not called again; the run and its record are not affected.",
        )
        manager, _ = self._open.pop(name, (None, None))
        if manager is not None:
            with _Guard(self, name):
                manager.__exit__(type(problem), problem, problem.__traceback__)


class _Guard:
    """Lets nothing out that a stranger's code raises by mistake."""

    def __init__(self, audience: Audience, name: str) -> None:
        self.audience, self.name = audience, name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, _: object) -> bool:
        if not isinstance(problem, Exception | SystemExit):
            return False
        self.audience.drop(self.name, problem)
        return True
