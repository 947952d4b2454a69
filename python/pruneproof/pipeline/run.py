"""`run_paper`: from a prepared request to a record with verdicts."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pruneproof.contracts.choice import is_id
from pruneproof.contracts.executor import Event, OnEvent
from pruneproof.contracts.metric import Metric
from pruneproof.errors import BadOption, BadPlugin
from pruneproof.papers.claims import Evidence, judge
from pruneproof.papers.record import Cell, MetricRecord, Record, StageRecord
from pruneproof.pipeline.environment import describe_environment
from pruneproof.pipeline.observers import ObserverHub, describe_run
from pruneproof.pipeline.plan import Plan, PlannedCell
from pruneproof.pipeline.prepare import Prepared
from pruneproof.pipeline.registration import look, register
from pruneproof.pipeline.store import Finished, Store
from pruneproof.pipeline.upstream import load_facts, load_measurement
from pruneproof.pipeline.worker_spec import WorkerSpec
from pruneproof.registry.catalog import Catalog, blame_plugin


def run_paper(prepared: Prepared, on_event: OnEvent, warn: Callable[[str], None] = lambda line: None) -> Record:
    """Run what is left of a prepared request and return its record with verdicts.

    Args:
        prepared: the resolved request.
        on_event: hears of every start, progress and finish of a stage.
        warn: receives one line about each observer that fails, when it does.

    Raises:
        PruneproofError: whatever a stage refused; finished stages and epochs are kept.
    """
    request, plan, store = prepared.request, prepared.plan, Store(prepared.request.store)
    run = describe_run(
        plan,
        title=prepared.paper.info.title,
        device=prepared.device,
        variant=request.settings,
        folder=_report_folder(
            request.store,
            plan.paper,
            plan.profile,
            plan.digest,
            whole=not (prepared.is_variant or request.only or request.seeds),
        ),
    )
    hub = ObserverHub(prepared.observers, run, plan, store, warn)

    def notify_all(event: Event) -> None:
        on_event(event)
        hub.notify(event)

    with hub:
        record = _run(prepared, store, notify_all)
        hub.finish(record.model_dump(mode="json"))
    return record


def execute(prepared: Prepared, store: Store, on_event: OnEvent) -> dict[str, Finished]:
    """Run the stages of a prepared request that are still to do, and return all that is finished, in the plan's order.

    Raises:
        BadPlugin: the executor left some out.
        PruneproofError: whatever a stage refused; finished stages and epochs are kept.
    """
    request = prepared.request
    if not prepared.todo:
        return dict(prepared.finished)
    store.prepare()
    spec = WorkerSpec(
        tuple(plugin.name for plugin in prepared.catalog.plugins),
        request.store,
        request.data,
        request.files,
        prepared.numerics.id,
    )
    stages = [prepared.plan.stages[digest] for digest in prepared.todo]
    with blame_plugin(prepared.executor):
        prepared.executor.value.run(stages, spec, workers=request.workers, on_event=on_event)
    made = store.all_finished(prepared.todo)
    left = [stage.label for stage in stages if stage.digest not in made]
    if left:
        raise BadPlugin(
            f'executor "{request.executor}" ({prepared.executor.where}) returned before {len(left)} stages were in '
            f'the store; the first is "{left[0]}". It must run every stage that it is given.'
        )
    finished = {**prepared.finished, **made}
    return {digest: finished[digest] for digest in prepared.plan.stages if digest in finished}


def measured_cell(cell: PlannedCell, finished: Mapping[str, Finished], catalog: Catalog) -> Cell:
    """Return a cell with what its finished stages measured."""
    return Cell(
        run=cell.run,
        method=cell.method,
        sparsity=cell.sparsity,
        seed=cell.seed,
        stages=cell.stages,
        measured={
            name: load_measurement(finished[digest], catalog).to_json() for name, digest in cell.measures.items()
        },
        settings=dict(cell.settings),
    )


def stage_records(plan: Plan, finished: Mapping[str, Finished]) -> tuple[StageRecord, ...]:
    """Return finished stages of a plan as a record keeps them."""
    return tuple(
        StageRecord(
            digest=digest,
            kind=plan.stages[digest].kind,
            label=plan.stages[digest].label,
            outputs=each.outputs,
            seconds=each.seconds,
        )
        for digest, each in finished.items()
    )


def evidence_of(
    prepared: Prepared, finished: Mapping[str, Finished], post_hoc: frozenset[str] = frozenset()
) -> Evidence:
    """Return what the finished stages of a plan say to the paper's claims; cells in the plan's order."""
    plan = prepared.plan
    cells = tuple(measured_cell(cell, finished, prepared.catalog) for cell in plan.cells)
    facts = {claim: load_facts(finished[digest]) for claim, digest in plan.mechanisms.items()}
    return Evidence(prepared.paper, plan.profile, prepared.catalog, cells, facts, post_hoc)


def _run(prepared: Prepared, store: Store, on_event: OnEvent) -> Record:
    request, plan = prepared.request, prepared.plan
    began = time.perf_counter()
    registered = None if prepared.is_variant else register(store, prepared.paper, plan, prepared.finished)
    finished = execute(prepared, store, on_event)
    evidence = evidence_of(prepared, finished, registered.post_hoc if registered else frozenset())
    if registered:
        evidence = replace(evidence, looks=look(store, evidence))
    cells = tuple(evidence.cells)
    info = prepared.paper.info
    return Record(
        paper=info.id,
        arxiv=info.arxiv,
        title=info.title,
        profile=plan.profile,
        scale=prepared.paper.runs.profile(plan.profile).scale,
        variant=request.settings,
        twins=prepared.twins,
        only=request.only,
        seeds=tuple(sorted({cell.seed for cell in plan.cells})),
        seeds_asked=request.seeds or (),
        plan=plan.digest,
        registration=registered.digest if registered else "",
        registered=registered.latest if registered else "",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - began, 1),
        environment=describe_environment(prepared.device),
        numerics=prepared.numerics.id,
        data=dict(prepared.fingerprints),
        plugins=prepared.plugins,
        stages=stage_records(plan, finished),
        cells=cells,
        metrics=_metrics(prepared.catalog, cells),
        claims=judge(evidence) if registered else (),
    )


def _metrics(catalog: Catalog, cells: Sequence[Cell]) -> dict[str, MetricRecord]:
    """Return what the metrics of the cells are."""
    found = dict.fromkeys(metric for cell in cells for values in cell.measured.values() for metric in values)
    known = {metric: catalog.get(Metric, metric) for metric in found}
    return {
        metric: MetricRecord(unit=each.unit, per=each.per, better=each.better, about=each.about)
        for metric, each in known.items()
    }


def report_folder(store: Path, record: Record) -> Path:
    """Return where a record and its report live; variants and partial runs never overwrite a whole one."""
    whole = not (record.is_variant or record.only or record.seeds_asked)
    return _report_folder(store, record.paper, record.profile, record.plan, whole=whole)


def last_record(store: Path, paper: str, profile: str) -> Path:
    """Return the newest record of a paper at a profile, of a whole run, a variant or a part; of none, the whole run's.

    It need not exist.

    Raises:
        BadOption: as `whole_folder`.
    """
    whole = whole_folder(store, paper, profile) / "record.json"
    reports = store / "reports" / paper
    of_part = re.compile(re.escape(profile) + "-[0-9a-f]{12}")
    parts = [path for path in reports.glob("*/record.json") if of_part.fullmatch(path.parent.name)]
    made = [path for path in (whole, *parts) if path.is_file()]
    return max(made, key=lambda path: path.stat().st_mtime_ns, default=whole)


def whole_folder(store: Path, paper: str, profile: str) -> Path:
    """Return where the record of a paper's last whole run at a profile lies.

    Raises:
        BadOption: the profile cannot be the name of one, so that it could lead out of the store.
    """
    if not is_id(profile):
        raise BadOption(f'"{profile}" cannot be a profile. `repro show {paper}` lists those that there are.')
    return store / "reports" / paper / profile


def _report_folder(store: Path, paper: str, profile: str, plan: str, *, whole: bool) -> Path:
    return store / "reports" / paper / (profile if whole else f"{profile}-{plan[:12]}")
