"""`run_paper`: from a paper's name to a record with verdicts."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.executor import Event, Executor, OnEvent
from pruneproof.contracts.metric import Metric
from pruneproof.contracts.observer import Observer
from pruneproof.errors import BadPlugin, DataMissing
from pruneproof.papers.check_names import check_names
from pruneproof.papers.claims import Evidence, judge
from pruneproof.papers.load import find_paper, load_paper
from pruneproof.papers.overrides import override, split, suffixes
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Cell, MetricRecord, PluginRecord, Record, Role, StageRecord
from pruneproof.papers.record_text import DIGITS
from pruneproof.papers.twins import criteria_of
from pruneproof.pipeline.environment import choose_device, describe_environment
from pruneproof.pipeline.kinds.table import COMPARED, FACTS, MEASUREMENT
from pruneproof.pipeline.observers import ObserverHub, describe_run
from pruneproof.pipeline.plan import Plan, data_ids, needed
from pruneproof.pipeline.planning import make_plan
from pruneproof.pipeline.site import Site
from pruneproof.pipeline.store import Finished, Store
from pruneproof.registry.catalog import Catalog, Entry, build_catalog, survey
from pruneproof.registry.manager import Plugin
from pruneproof.values.measurements import Measurement


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    paper: str
    profile: str = "mini"
    store: Path = field(default_factory=Path)
    data: Path = field(default_factory=Path)
    seeds: tuple[int, ...] | None = None
    device: str = "auto"
    only: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    """`run.key=value` overrides, and `key=value` for twins of the paper's methods; any makes the record a variant."""
    added: tuple[str, ...] = ()
    """Installed plugins beside those that the paper names."""
    files: tuple[Path, ...] = ()
    """Plugins that are single files."""
    executor: str = "local"
    observers: tuple[str, ...] = ()
    workers: int = 1


@dataclass(frozen=True)
class Prepared:
    """A request resolved: the paper, what its plugins register, its data, and the plan with what is already done."""

    request: Request
    """Its settings and plugins completed by what they imply."""
    paper: Paper
    twins: tuple[str, ...]
    """Suffixes of the methods that run beside the paper's own."""
    catalog: Catalog
    plugins: tuple[PluginRecord, ...]
    executor: Entry[Executor]
    observers: tuple[Entry[Observer], ...]
    device: str
    fingerprints: Mapping[str, str]
    missing: Mapping[str, str]
    """Data set -> why it is not usable."""
    plan: Plan
    finished: Mapping[str, Finished]
    todo: tuple[str, ...]
    """Digests still to run, in order."""

    @property
    def is_variant(self) -> bool:
        """Whether anything differs from what the paper's files say, so that no claim is judged."""
        return bool(self.request.settings) or any(plugin.role == "added" for plugin in self.plugins)


def open_paper(name: str, files: Sequence[Path] = ()) -> Paper:
    """Load a paper by id or arXiv number from the folders that installed plugins and the given files bring."""
    return load_paper(find_paper(name, survey(of=(), files=files).paper_folders))


def prepare(request: Request, *, fetch: bool, tell: Callable[[str], None] = lambda line: None) -> Prepared:
    """Resolve a request without running any stage.

    Args:
        request: what the user asked for.
        fetch: download data sets that are not on this machine; otherwise they are listed as missing.
        tell: receives a line about each thing that takes a while.

    Raises:
        PruneproofError: anything wrong with names, configs, plugins or data.
    """
    tools = survey(of=(Executor, Observer), files=request.files)
    executor = tools.owner(Executor, request.executor, where="--executor")
    observers = tuple(tools.owner(Observer, name, where="--observe") for name in dict.fromkeys(request.observers))
    paper = open_paper(request.paper, request.files)
    request, catalog = _with_added_plugins(request, paper, tell)
    twins = suffixes(paper, request.profile, request.settings)
    paper = override(paper, request.profile, request.settings)
    check_names(paper, catalog)
    device = choose_device(request.device)
    fingerprints: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name in data_ids(paper, request.profile, request.only):
        try:
            fingerprints[name] = _fingerprint(catalog, name, request.data, fetch=fetch, tell=tell)
        except DataMissing as problem:
            if fetch:
                raise
            missing[name] = str(problem)
    plan = make_plan(
        paper,
        request.profile,
        catalog,
        fingerprints=fingerprints,
        seeds=request.seeds,
        only=request.only,
        device=device,
    )
    store = Store(request.store)
    finished = {digest: each for digest in plan.stages if (each := store.finished(digest)) is not None}
    return Prepared(
        request=request,
        paper=paper,
        twins=twins,
        catalog=catalog,
        plugins=_plugins(paper, catalog, (executor, *observers)),
        executor=executor,
        observers=observers,
        device=device,
        fingerprints=fingerprints,
        missing=missing,
        plan=plan,
        finished=finished,
        todo=tuple(needed(plan, finished)),
    )


def _with_added_plugins(request: Request, paper: Paper, tell: Callable[[str], None]) -> tuple[Request, Catalog]:
    """Load the paper's plugins and those of the request, and complete the request by what it implies.

    A criterion that `--set` names and none of these plugins registers brings the installed plugin that does. Plugins
    that come without any setting run all their criteria beside the paper's own.
    """
    _, of_twins = split(paper, request.profile, request.settings)
    catalog = build_catalog([*paper.info.plugins, *request.added], files=request.files)
    for name in criteria_of(of_twins):
        if name not in catalog.entries(Criterion):
            where = f"--set criterion={name}"
            plugin = survey(of=[Criterion], files=request.files).owner(Criterion, name, where=where).plugin
            tell(f"criterion {name} comes from plugin {plugin.name} ({plugin.distribution} {plugin.version})")
            request = replace(request, added=(*request.added, plugin.name))
            catalog = build_catalog([*paper.info.plugins, *request.added], files=request.files)
    if not request.settings:
        brought = tuple(
            f"criterion={name}"
            for name, entry in catalog.entries(Criterion).items()
            if entry.plugin.name not in paper.info.plugins
        )
        if brought:
            tell(f"beside the paper's own methods: {', '.join(brought)}")
        request = replace(request, settings=brought)
    return request, catalog


def run_paper(prepared: Prepared, on_event: OnEvent, warn: Callable[[str], None] = lambda line: None) -> Record:
    """Run what is left of a prepared request and return its record with verdicts.

    Args:
        prepared: the resolved request.
        on_event: hears of every start, progress and finish of a stage.
        warn: receives one line at the end about each observer that failed.

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
    hub = ObserverHub(prepared.observers, run, plan, store)

    def notify_all(event: Event) -> None:
        on_event(event)
        hub.notify(event)

    try:
        with hub:
            record = _run(prepared, store, notify_all)
            hub.finish(record.model_dump(mode="json"))
    finally:
        for failure in hub.failures.values():
            warn(failure)
    return record


def _run(prepared: Prepared, store: Store, on_event: OnEvent) -> Record:
    request, plan = prepared.request, prepared.plan
    began = time.perf_counter()
    if prepared.todo:
        store.prepare()
        site = Site(
            tuple(plugin.name for plugin in prepared.catalog.plugins), request.store, request.data, request.files
        )
        stages = [plan.stages[digest] for digest in prepared.todo]
        prepared.executor.value.run(stages, site, workers=request.workers, on_event=on_event)
        left = [stage.label for stage in stages if store.finished(stage.digest) is None]
        if left:
            raise BadPlugin(
                f'executor "{request.executor}" ({prepared.executor.where}) returned before {len(left)} stages were in '
                f'the store; the first is "{left[0]}". It must run every stage that it is given.'
            )
    finished = {digest: each for digest in plan.stages if (each := store.finished(digest)) is not None}
    cells = tuple(
        Cell(
            run=cell.run,
            method=cell.method,
            sparsity=cell.sparsity,
            seed=cell.seed,
            stages=cell.stages,
            measured={
                name: Measurement.from_json(store.expect(digest).json(MEASUREMENT.file)).to_json()
                for name, digest in cell.measures.items()
            },
            settings=dict(cell.settings),
        )
        for cell in plan.cells
    )
    facts = {claim: store.expect(digest).json(FACTS.file) for claim, digest in plan.mechanisms.items()}
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
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - began, 1),
        environment=describe_environment(prepared.device),
        data=dict(prepared.fingerprints),
        plugins=prepared.plugins,
        stages=tuple(
            StageRecord(
                digest=digest,
                kind=plan.stages[digest].kind,
                label=plan.stages[digest].label,
                outputs=each.outputs,
                seconds=each.seconds,
            )
            for digest, each in finished.items()
        ),
        cells=cells,
        metrics=_metrics(prepared.catalog, cells),
        claims=()
        if prepared.is_variant
        else judge(Evidence(prepared.paper, plan.profile, prepared.catalog, cells, facts)),
    )


def _metrics(catalog: Catalog, cells: Sequence[Cell]) -> dict[str, MetricRecord]:
    """Return what the metrics of the cells are."""
    found = dict.fromkeys(metric for cell in cells for values in cell.measured.values() for metric in values)
    known = {metric: catalog.get(Metric, metric) for metric in found}
    return {
        metric: MetricRecord(unit=each.unit, per=each.per, better=each.better, about=each.about)
        for metric, each in known.items()
    }


def _plugins(paper: Paper, catalog: Catalog, tools: Iterable[Entry[Any]]) -> tuple[PluginRecord, ...]:
    """Return the plugins behind a run, each with the reason why it was loaded."""
    roles: dict[Plugin, Role] = {}
    for plugin in catalog.plugins:
        is_named = plugin.name in paper.info.plugins
        roles[plugin] = "paper" if is_named else "added" if catalog.changes_results(plugin) else "tool"
    for entry in tools:
        roles.setdefault(entry.plugin, "tool")
    return tuple(
        PluginRecord(
            name=plugin.name,
            distribution=plugin.distribution,
            version=plugin.version,
            origin=plugin.target,
            digest=plugin.digest(),
            role=role,
        )
        for plugin, role in roles.items()
    )


def report_folder(store: Path, record: Record) -> Path:
    """Return where a record and its report live; variants and partial runs never overwrite a whole one."""
    whole = not (record.is_variant or record.only or record.seeds_asked)
    return _report_folder(store, record.paper, record.profile, record.plan, whole=whole)


def _report_folder(store: Path, paper: str, profile: str, plan: str, *, whole: bool) -> Path:
    return store / "reports" / paper / (profile if whole else f"{profile}-{plan[:12]}")


@dataclass(frozen=True)
class Difference:
    """An output whose digest differs between a record and its re-execution."""

    stage: str
    output: str
    recorded: str
    found: str


def compare(recorded: Sequence[StageRecord], again: Sequence[StageRecord]) -> tuple[int, list[Difference]]:
    """Return how many mask, measurement and fact digests were compared, and those that differ."""
    found = {stage.digest[:DIGITS]: stage.outputs for stage in again}
    pairs = [
        Difference(
            stage.label, name, digest[:DIGITS], found.get(stage.digest[:DIGITS], {}).get(name, "not made")[:DIGITS]
        )
        for stage in recorded
        for name, digest in stage.outputs.items()
        if name in COMPARED
    ]
    return len(pairs), [pair for pair in pairs if pair.recorded != pair.found]


def _fingerprint(catalog: Catalog, name: str, root: Path, *, fetch: bool, tell: Callable[[str], None]) -> str:
    data = catalog.get(DataSet, name)
    try:
        return data.load(root).fingerprint
    except DataMissing:
        if not fetch or data.fetch is None:
            raise
        tell(f"fetching data set {name} into {root}")
        data.fetch(root)
        return data.load(root).fingerprint
