"""`Catalog`: the frozen index from kind and id to value, with the plugin, version and place it came from."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from pruneproof.api import Allocation, ClaimTest, Criterion, DataSet, Mechanism, Model, Schedule
from pruneproof.errors import BadPlugin, NameClash, PruneproofError, UnknownName
from pruneproof.registry.manager import Loaded, Plugin, load
from pruneproof.values.digests import digest_file

KINDS: Mapping[str, tuple[str, type, str]] = {
    "criterion": ("pruneproof_criteria", Criterion, "score"),
    "allocation": ("pruneproof_allocations", Allocation, "counts"),
    "schedule": ("pruneproof_schedules", Schedule, "sparsities"),
    "model": ("pruneproof_models", Model, "build"),
    "data set": ("pruneproof_datasets", DataSet, "load"),
    "claim test": ("pruneproof_claim_tests", ClaimTest, "decide"),
    "mechanism": ("pruneproof_mechanisms", Mechanism, "check"),
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

    def source_digest(self) -> str:
        """Return the digest of the file that holds the function, `unknown` where there is none."""
        path = Path(self.where.rpartition(":")[0])
        return digest_file(path) if path.is_file() else "unknown"


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


def build_catalog(plugins: Iterable[str] | None = None) -> Catalog:
    """Load the named plugins (all when None) and index what they register.

    Raises:
        UnknownName: a named plugin is not installed.
        BadPlugin: a plugin cannot be used, or registers something invalid.
        NameClash: two plugins register the same id.
    """
    return index(load(plugins))


def index(loaded: Loaded) -> Catalog:
    """Index what loaded plugins register; see `build_catalog` for the errors."""
    entries = {kind: _collect(loaded, kind) for kind in KINDS}
    return Catalog(entries, loaded.plugins)


def paper_folders(loaded: Loaded) -> list[Path]:
    """Return the folders of all papers that the loaded plugins bring, by name.

    Raises:
        BadPlugin: a plugin's hook raises, or returns something else than paths.
    """
    folders: list[Path] = []
    for plugin, answer in _call(loaded, "pruneproof_papers"):
        for folder in answer:
            if not isinstance(folder, Path):
                raise BadPlugin(
                    f'plugin "{plugin.name}" returned {folder!r} from pruneproof_papers; a pathlib.Path was expected.'
                )
            folders.append(folder)
    return sorted(folders, key=lambda path: path.name)


def _collect(loaded: Loaded, kind: str) -> dict[str, Entry]:
    hook, expected, field = KINDS[kind]
    found: dict[str, Entry] = {}
    for plugin, answer in _call(loaded, hook):
        for value in answer:
            if not isinstance(value, expected):
                raise BadPlugin(
                    f'plugin "{plugin.name}" returned {value!r} from {hook}; a {expected.__name__} was expected.'
                )
            if isinstance(value, Criterion):
                value.check()
            entry = Entry(str(getattr(value, "id", "")), value, plugin, _place(getattr(value, field)))
            if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", entry.id):
                raise BadPlugin(
                    f'plugin "{plugin.name}" registers the {kind} "{entry.id}" ({entry.where}); an id of lower-case '
                    "letters, digits, hyphens and dots was expected."
                )
            other = found.get(entry.id)
            if other is not None:
                raise NameClash(
                    f'{kind} "{entry.id}" is registered twice: by "{other.plugin.name}" ({other.where}) and by '
                    f'"{plugin.name}" ({entry.where}). Rename one, or uninstall one of the two packages.'
                )
            found[entry.id] = entry
    return found


def _call(loaded: Loaded, hook: str) -> list[tuple[Plugin, Iterable[Any]]]:
    """Call one hook plugin by plugin, so that each answer keeps its owner."""
    answers: list[tuple[Plugin, Iterable[Any]]] = []
    for plugin in loaded.plugins:
        implementation = getattr(loaded.manager.get_plugin(plugin.name), hook, None)
        if implementation is None:
            continue
        try:
            answers.append((plugin, tuple(implementation())))
        except Exception as problem:
            raise BadPlugin(
                f'plugin "{plugin.name}" ({plugin.distribution} {plugin.version}) raised {type(problem).__name__} in '
                f"{hook}: {problem}. Repair or uninstall the package."
            ) from problem
    return answers


def _place(function: Any) -> str:
    function = inspect.unwrap(getattr(function, "func", function))
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else getattr(function, "__module__", "unknown")
