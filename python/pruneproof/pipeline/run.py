"""`run_paper`: from a paper's name to a record with verdicts."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pruneproof.errors import DataMissing
from pruneproof.papers.claims import judge
from pruneproof.papers.load import Paper, check_names, find_paper, load_paper
from pruneproof.papers.overrides import override
from pruneproof.papers.plan import Plan, data_ids, make_plan, needed
from pruneproof.papers.record import Cell, PluginRecord, Record, StageRecord
from pruneproof.pipeline.environment import choose_device, describe_environment
from pruneproof.pipeline.executors.local import Event, Site, run_stages
from pruneproof.pipeline.stages import FACTS, MEASUREMENT
from pruneproof.pipeline.store import Finished, Store
from pruneproof.registry.catalog import Catalog, build_catalog, paper_folders
from pruneproof.registry.manager import load


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
    """`run.key=value` overrides; any makes the record a variant."""
    workers: int = 1


@dataclass(frozen=True)
class Prepared:
    """A request resolved: the paper, what its plugins register, its data, and the plan with what is already done."""

    request: Request
    paper: Paper
    catalog: Catalog
    device: str
    fingerprints: Mapping[str, str]
    missing: Mapping[str, str]
    """Data set -> why it is not usable."""
    plan: Plan
    finished: Mapping[str, Finished]
    todo: tuple[str, ...]
    """Digests still to run, in order."""


def open_paper(name: str) -> Paper:
    """Load a paper by id or arXiv number from the folders that installed plugins bring."""
    return load_paper(find_paper(name, paper_folders(load())))


def prepare(request: Request, *, fetch: bool, tell: Callable[[str], None] = lambda line: None) -> Prepared:
    """Resolve a request without running any stage.

    Args:
        request: what the user asked for.
        fetch: download data sets that are not on this machine; otherwise they are listed as missing.
        tell: receives a line about each thing that takes a while.

    Raises:
        PruneproofError: anything wrong with names, configs, plugins or data.
    """
    paper = open_paper(request.paper)
    catalog = build_catalog(paper.info.plugins)
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
        request, paper, catalog, device, fingerprints, missing, plan, finished, tuple(needed(plan, finished))
    )


def run_paper(prepared: Prepared, on_event: Callable[[Event], None]) -> Record:
    """Run what is left of a prepared request and return its record with verdicts.

    Raises:
        PruneproofError: whatever a stage refused; finished stages and epochs are kept.
    """
    request, plan = prepared.request, prepared.plan
    began = time.perf_counter()
    store = Store(request.store)
    if prepared.todo:
        store.prepare()
        site = Site(prepared.paper.info.plugins, request.store, request.data)
        run_stages([plan.stages[digest] for digest in prepared.todo], site, workers=request.workers, on_event=on_event)
    used = dict.fromkeys(digest for cell in plan.cells for digest in cell.stages) | dict.fromkeys(
        plan.mechanisms.values()
    )
    finished = {digest: each for digest in used if (each := store.finished(digest)) is not None}
    cells = tuple(
        Cell(
            run=cell.run,
            method=cell.method,
            sparsity=cell.sparsity,
            seed=cell.seed,
            stages=cell.stages,
            measurement=store.expect(cell.stages[-1]).json(MEASUREMENT),
        )
        for cell in plan.cells
    )
    facts = {claim: store.expect(digest).json(FACTS) for claim, digest in plan.mechanisms.items()}
    info = prepared.paper.info
    return Record(
        paper=info.id,
        arxiv=info.arxiv,
        title=info.title,
        profile=plan.profile,
        scale=prepared.paper.runs.profile(plan.profile).scale,
        variant=request.settings,
        only=request.only,
        seeds=tuple(sorted({cell.seed for cell in plan.cells})),
        seeds_asked=request.seeds or (),
        plan=plan.digest,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - began, 1),
        environment=describe_environment(prepared.device),
        data=dict(prepared.fingerprints),
        plugins=tuple(
            PluginRecord(name=each.name, distribution=each.distribution, version=each.version)
            for each in prepared.catalog.plugins
        ),
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
        claims=() if request.settings else judge(prepared.paper, plan.profile, prepared.catalog, cells, facts),
    )


def report_folder(store: Path, record: Record) -> Path:
    """Return where a record and its report live; variants and partial runs never overwrite a whole one."""
    name = record.profile
    if record.variant or record.only or record.seeds_asked:
        name += "-" + record.plan[:12]
    return store / "reports" / record.paper / name


@dataclass(frozen=True)
class Difference:
    """An output whose digest differs between a record and its re-execution."""

    stage: str
    output: str
    recorded: str
    found: str


COMPARED = ("mask.safetensors", "measurement.json", "facts.json")


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


def _fingerprint(catalog: Catalog, name: str, root: Path, *, fetch: bool, tell: Callable[[str], None]) -> str:
    data = catalog.dataset(name)
    try:
        return data.load(root).fingerprint
    except DataMissing:
        if not fetch or data.fetch is None:
            raise
        tell(f"fetching data set {name} into {root}")
        data.fetch(root)
        return data.load(root).fingerprint
