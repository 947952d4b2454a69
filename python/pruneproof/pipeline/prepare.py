"""`prepare`: a request resolved into a paper, its plugins and data, and a plan."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.executor import Executor
from pruneproof.contracts.numerics import Numerics
from pruneproof.contracts.observer import Observer
from pruneproof.errors import DataMissing
from pruneproof.papers.check_names import check_names
from pruneproof.papers.installed import open_paper
from pruneproof.papers.overrides import override, split, suffixes
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import PluginRecord, Role
from pruneproof.papers.twins import criteria_of
from pruneproof.pipeline.environment import choose_device
from pruneproof.pipeline.numerics import choose_numerics
from pruneproof.pipeline.plan import Plan, data_ids, needed
from pruneproof.pipeline.planning import make_plan
from pruneproof.pipeline.store import Finished, Store
from pruneproof.registry.catalog import Catalog, Entry, blame_plugin, build_catalog, survey
from pruneproof.registry.manager import Plugin


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    paper: str
    profile: str = "mini"
    store: Path = field(default_factory=Path)
    data: Path = field(default_factory=Path)
    seeds: tuple[int, ...] | None = None
    device: str = "auto"
    numerics: str | None = None
    """A numerics class in place of the profile's."""
    only: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    """`run.key=value` overrides, and `key=value` for twins of the paper's methods; any makes the record a variant."""
    added: tuple[str, ...] = ()
    """Installed plugins in addition to those that the paper names."""
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
    """Suffixes of the twins of the paper's methods: a method once more with another setting."""
    catalog: Catalog
    plugins: tuple[PluginRecord, ...]
    executor: Entry[Executor]
    observers: tuple[Entry[Observer], ...]
    device: str
    numerics: Numerics
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


def prepare(request: Request, *, fetch: bool, log: Callable[[str], None] = lambda line: None) -> Prepared:
    """Resolve a request without running any stage.

    Args:
        request: what the user asked for.
        fetch: download data sets that are not on this machine; otherwise they are listed as missing.
        log: receives a line about each thing that takes a while or that the request implies.

    Raises:
        PruneproofError: anything wrong with names, configs, plugins or data.
    """
    tools = survey(of=(Executor, Observer), files=request.files)
    executor = tools.owner(Executor, request.executor, where="--executor")
    observers = tuple(tools.owner(Observer, name, where="--observe") for name in dict.fromkeys(request.observers))
    paper = open_paper(request.paper, request.files)
    request, catalog = _with_added_plugins(request, paper, log)
    twins = suffixes(paper, request.profile, request.settings)
    paper = override(paper, request.profile, request.settings)
    check_names(paper, catalog)
    device = choose_device(request.device)
    numerics = choose_numerics(request.numerics, paper.runs.profile(request.profile).numerics, device, log)
    fingerprints: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name in data_ids(paper, request.profile, request.only):
        try:
            fingerprints[name] = _fingerprint(catalog, name, request.data, fetch=fetch, log=log)
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
        numerics=numerics.id,
    )
    finished = Store(request.store).all_finished(plan.stages)
    return Prepared(
        request=request,
        paper=paper,
        twins=twins,
        catalog=catalog,
        plugins=_plugins(paper, catalog, (executor, *observers)),
        executor=executor,
        observers=observers,
        device=device,
        numerics=numerics,
        fingerprints=fingerprints,
        missing=missing,
        plan=plan,
        finished=finished,
        todo=tuple(needed(plan, finished)),
    )


def replan(prepared: Prepared, paper: Paper) -> Prepared:
    """Return a prepared request with its paper changed: another plan, over the same plugins, data and store.

    Raises:
        UnknownName, BadConfig: as `make_plan`.
    """
    request = prepared.request
    plan = make_plan(
        paper,
        request.profile,
        prepared.catalog,
        fingerprints=prepared.fingerprints,
        seeds=request.seeds,
        only=request.only,
        device=prepared.device,
        numerics=prepared.numerics.id,
    )
    finished = Store(request.store).all_finished(plan.stages)
    return replace(prepared, paper=paper, plan=plan, finished=finished, todo=tuple(needed(plan, finished)))


def _with_added_plugins(request: Request, paper: Paper, log: Callable[[str], None]) -> tuple[Request, Catalog]:
    """Load the paper's plugins and those of the request, and complete the request by what it implies.

    A criterion that `--set` names and none of these plugins registers brings the installed plugin that does. Plugins
    that come without any setting run all their criteria, each as a twin of the paper's methods.
    """
    _, of_twins = split(paper, request.profile, request.settings)
    catalog = build_catalog([*paper.info.plugins, *request.added], files=request.files)
    for name in criteria_of(of_twins):
        if name not in catalog.entries(Criterion):
            where = f"--set criterion={name}"
            plugin = survey(of=[Criterion], files=request.files).owner(Criterion, name, where=where).plugin
            log(f"criterion {name} comes from plugin {plugin.name} ({plugin.distribution} {plugin.version})")
            request = replace(request, added=(*request.added, plugin.name))
            catalog = build_catalog([*paper.info.plugins, *request.added], files=request.files)
    if not request.settings:
        brought = tuple(
            f"criterion={name}"
            for name, entry in catalog.entries(Criterion).items()
            if entry.plugin.name not in paper.info.plugins
        )
        if brought:
            log(f"the paper's methods run once more with {', '.join(brought)}")
        request = replace(request, settings=brought)
    return request, catalog


def _fingerprint(catalog: Catalog, name: str, root: Path, *, fetch: bool, log: Callable[[str], None]) -> str:
    entry = catalog.entry(DataSet, name)
    data = entry.value
    with blame_plugin(entry):
        try:
            return data.load(root).fingerprint
        except DataMissing:
            if not fetch or data.fetch is None:
                raise
            log(f"fetching data set {name} into {root}")
            data.fetch(root)
            return data.load(root).fingerprint


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
