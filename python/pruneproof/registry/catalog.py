"""`Catalog`: the frozen index from kind and id to value, with the plugin, version and place it came from."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from pruneproof.api import (
    Allocation,
    ClaimTest,
    Criterion,
    DataSet,
    Executor,
    Mechanism,
    Model,
    Observer,
    Schedule,
)
from pruneproof.errors import BadPlugin, NameClash, PruneproofError, UnknownName
from pruneproof.registry.manager import Loaded, Plugin, load
from pruneproof.registry.signatures import check_value

KINDS: Mapping[str, tuple[str, type, str]] = {
    "criterion": ("pruneproof_criteria", Criterion, "score"),
    "allocation": ("pruneproof_allocations", Allocation, "counts"),
    "schedule": ("pruneproof_schedules", Schedule, "sparsities"),
    "model": ("pruneproof_models", Model, "build"),
    "data set": ("pruneproof_datasets", DataSet, "load"),
    "claim test": ("pruneproof_claim_tests", ClaimTest, "decide"),
    "mechanism": ("pruneproof_mechanisms", Mechanism, "check"),
    "executor": ("pruneproof_executors", Executor, "run"),
    "observer": ("pruneproof_observers", Observer, "open"),
}
"""Kind -> (hook, class of its values, the field that holds the function)."""


@dataclass(frozen=True)
class Entry:
    """A registered value and where it came from."""

    id: str
    value: Any
    plugin: Plugin
    where: str
    """`file:line` of the function behind it."""


@contextmanager
def blaming(kind: str, entry: Entry) -> Iterator[None]:
    """Turn what a registered function raises by mistake into one message that names it, its place and its owner.

    Raises:
        BadPlugin: something was raised that is neither a refusal of ours nor of the operating system.
    """
    try:
        yield
    except (PruneproofError, OSError):
        raise
    except Exception as problem:
        raise BadPlugin(
            f'{kind} "{entry.id}" ({entry.where}, {entry.plugin.distribution} {entry.plugin.version}) raised '
            f"{type(problem).__name__}: {problem}. Repair it there."
        ) from problem


class Catalog:
    """All that the loaded plugins register; built once, then read only."""

    def __init__(self, entries: Mapping[str, Mapping[str, Entry]], plugins: Iterable[Plugin]) -> None:
        self._entries = MappingProxyType({kind: MappingProxyType(dict(of_kind)) for kind, of_kind in entries.items()})
        self.plugins = tuple(plugins)

    def entries(self, kind: str) -> Mapping[str, Entry]:
        """Return id -> entry of one kind (see `KINDS`)."""
        return self._entries[kind]

    def entry(self, kind: str, name: str, *, where: str = "") -> Entry:
        """Return the entry of `name`; `where` says which file and line asked.

        Raises:
            UnknownName: nobody registered it.
        """
        found = self._entries[kind].get(name)
        if found is None:
            advice = "Did you forget to list a plugin in paper.toml?"
            raise UnknownName.among(kind, name, self._entries[kind], where=where, advice=advice)
        return found

    def takes_part(self, plugin: Plugin) -> bool:
        """Say whether a plugin registers anything that can change a result: all but executors and observers."""
        kinds = [kind for kind in self._entries if kind not in ("executor", "observer")]
        return any(entry.plugin == plugin for kind in kinds for entry in self._entries[kind].values())

    def criterion(self, name: str, *, where: str = "") -> Criterion:
        """Return a criterion by id."""
        return cast("Criterion", self.entry("criterion", name, where=where).value)

    def allocation(self, name: str, *, where: str = "") -> Allocation:
        """Return an allocation by id."""
        return cast("Allocation", self.entry("allocation", name, where=where).value)

    def schedule(self, name: str, *, where: str = "") -> Schedule:
        """Return a schedule by id."""
        return cast("Schedule", self.entry("schedule", name, where=where).value)

    def model(self, name: str, *, where: str = "") -> Model:
        """Return a model by id."""
        return cast("Model", self.entry("model", name, where=where).value)

    def dataset(self, name: str, *, where: str = "") -> DataSet:
        """Return a data set by id."""
        return cast("DataSet", self.entry("data set", name, where=where).value)

    def claim_test(self, name: str, *, where: str = "") -> ClaimTest:
        """Return a claim test by id."""
        return cast("ClaimTest", self.entry("claim test", name, where=where).value)

    def mechanism(self, name: str, *, where: str = "") -> Mechanism:
        """Return a mechanism by id."""
        return cast("Mechanism", self.entry("mechanism", name, where=where).value)


Entries = dict[str, dict[str, Entry]]


def build_catalog(plugins: Iterable[str] | None = None, *, files: Iterable[Path] = ()) -> Catalog:
    """Load the named plugins (all when None) and single files, and index what they register.

    Raises:
        UnknownName: a named plugin is not installed.
        BadOption: a file that is no Python file.
        BadPlugin: a plugin cannot be used, or registers something invalid.
        NameClash: two plugins register the same id.
    """
    loaded = load(plugins, files=files)
    entries: Entries = {kind: {} for kind in KINDS}
    for plugin in loaded.plugins:
        _add(entries, plugin, loaded)
    return Catalog(entries, loaded.plugins)


@dataclass(frozen=True)
class Survey:
    """What all plugins of an environment register, and those that cannot be used with the reason."""

    catalog: Catalog
    papers: Mapping[str, tuple[Path, ...]]
    """Plugin name -> folders of the papers that it brings."""
    broken: tuple[tuple[Plugin, str], ...]

    @property
    def paper_folders(self) -> list[Path]:
        """The folders of all papers, by name."""
        return sorted((folder for each in self.papers.values() for folder in each), key=lambda path: path.name)

    def owner(self, kind: str, name: str, *, where: str) -> Entry:
        """Return the entry of `name`.

        Raises:
            UnknownName: no usable plugin registers it; the message names those that are broken.
        """
        found = self.catalog.entries(kind)
        if name not in found:
            broken = ", ".join(plugin.name for plugin, _ in self.broken)
            advice = f"Broken plugins: {broken}; `repro plugins` says why." if broken else ""
            raise UnknownName.among(kind, name, found, where=where, advice=advice)
        return found[name]


def survey(*, kinds: Iterable[str] = KINDS, files: Iterable[Path] = ()) -> Survey:
    """Load every plugin and index what can be used; only the hooks of papers and of the given kinds are called.

    A plugin that registers something invalid, or an id that is taken, is broken and leaves the others usable.
    """
    loaded = load(files=files)
    entries: Entries = {kind: {} for kind in KINDS}
    papers: dict[str, tuple[Path, ...]] = {}
    usable: list[Plugin] = []
    broken = list(loaded.broken)
    for plugin in loaded.plugins:
        before = {kind: dict(of_kind) for kind, of_kind in entries.items()}
        try:
            _add(entries, plugin, loaded, kinds)
            papers[plugin.name] = _papers(plugin, loaded)
            usable.append(plugin)
        except (BadPlugin, NameClash) as problem:
            entries = before
            broken.append((plugin, str(problem)))
    return Survey(Catalog(entries, usable), papers, tuple(broken))


def _add(entries: Entries, plugin: Plugin, loaded: Loaded, kinds: Iterable[str] = KINDS) -> None:
    """Add what one plugin registers, each value checked."""
    for kind in kinds:
        hook, expected, field = KINDS[kind]
        for value in _call(plugin, hook, loaded):
            if not isinstance(value, expected):
                raise BadPlugin(
                    f'plugin "{plugin.name}" returned {value!r} from {hook}; a {expected.__name__} was expected.'
                )
            function = getattr(value, field)
            entry = Entry(str(getattr(value, "id", "")), value, plugin, _place(function))
            if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", entry.id):
                raise BadPlugin(
                    f'plugin "{plugin.name}" registers the {kind} "{entry.id}" ({entry.where}); an id of lower-case '
                    "letters, digits, hyphens and dots was expected."
                )
            check_value(kind, value, function, f'plugin "{plugin.name}": {kind} "{entry.id}" ({entry.where})')
            other = entries[kind].get(entry.id)
            if other is not None:
                raise NameClash(
                    f'{kind} "{entry.id}" is registered twice: by "{other.plugin.name}" ({other.where}) and by '
                    f'"{plugin.name}" ({entry.where}). Rename one, or leave out one of the two plugins.'
                )
            entries[kind][entry.id] = entry


def _papers(plugin: Plugin, loaded: Loaded) -> tuple[Path, ...]:
    folders = _call(plugin, "pruneproof_papers", loaded)
    for folder in folders:
        if not isinstance(folder, Path):
            raise BadPlugin(
                f'plugin "{plugin.name}" returned {folder!r} from pruneproof_papers; a pathlib.Path was expected.'
            )
    return folders


def _call(plugin: Plugin, hook: str, loaded: Loaded) -> tuple[Any, ...]:
    """Call one hook of one plugin, so that the answer keeps its owner; nothing where it is not implemented."""
    implementation = getattr(loaded.manager.get_plugin(plugin.name), hook, None)
    if implementation is None:
        return ()
    try:
        return tuple(implementation())
    except (Exception, SystemExit) as problem:
        raise BadPlugin(
            f'plugin "{plugin.name}" ({plugin.distribution} {plugin.version}) raised {type(problem).__name__} in '
            f"{hook}: {problem}. Repair or uninstall it."
        ) from problem


def _place(function: Any) -> str:
    function = inspect.unwrap(getattr(function, "func", function))
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else getattr(function, "__module__", "unknown")
