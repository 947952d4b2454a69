"""`Catalog`: the frozen index from kind and id to value, with the plugin, version and place it came from."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from pruneproof.errors import BadPlugin, NameClash, PruneproofError, UnknownName
from pruneproof.registry.blame import culprit, kept_traceback, said
from pruneproof.registry.kinds import KINDS, PAPERS_HOOK, Kind, kind_of
from pruneproof.registry.manager import Loaded, Plugin, load
from pruneproof.registry.passports import check, place
from pruneproof.values.surroundings import kept, settings_kept

V = TypeVar("V")


@dataclass(frozen=True)
class Entry(Generic[V]):
    """A registered value and where it came from."""

    id: str
    value: V
    plugin: Plugin
    where: str
    """`file:line` of the function behind it."""

    @property
    def hook(self) -> str:
        """The hook that returned it."""
        return kind_of(type(self.value)).hook

    def __str__(self) -> str:
        kind = kind_of(type(self.value))
        return f'{kind.noun} "{self.id}" ({self.where}, {self.plugin.distribution} {self.plugin.version})'


@contextmanager
def blame_plugin(entry: Entry[Any], *, often: bool = False) -> Iterator[None]:
    """Turn what a registered function raises by mistake into one message that names it, its place and its owner.

    What the function changes around it (settings of torch, generators, folder, environment) is put back; of one that is
    called `often`, only the settings.

    Raises:
        BadPlugin: something was raised that is no refusal of ours.
    """
    try:
        with settings_kept() if often else kept():
            yield
    except PruneproofError:
        raise
    except (Exception, SystemExit) as problem:
        frame = culprit(problem)
        if frame is None and isinstance(problem, OSError):  # the system's refusal to us, such as a full disk
            raise
        through = "" if frame is None or frame.plugin == entry.plugin else f" in {frame}"
        raise BadPlugin(
            f"{entry} raised {said(problem)}{through} (hook {entry.hook}). Repair it there. {kept_traceback(problem)}"
        ) from problem


class Catalog:
    """All that the loaded plugins register; built once, then read only. Look-up is by class and id."""

    def __init__(self, entries: "Entries", plugins: Iterable[Plugin]) -> None:
        self._entries = MappingProxyType({of: MappingProxyType(dict(of_kind)) for of, of_kind in entries.items()})
        self.plugins = tuple(plugins)

    def entries(self, of: type[V]) -> Mapping[str, Entry[V]]:
        """Return id -> entry of one kind, by the class of its values."""
        return self._entries[of]

    def entry(self, of: type[V], name: str, *, where: str = "") -> Entry[V]:
        """Return the entry of `name`; `where` says which file and line asked.

        Raises:
            UnknownName: nobody registered it.
        """
        found = self._entries[of].get(name)
        if found is None:
            advice = "Did you forget to list a plugin in paper.toml?"
            raise UnknownName.among(kind_of(of).noun, name, self._entries[of], where=where, advice=advice)
        return found

    def get(self, of: type[V], name: str, *, where: str = "") -> V:
        """Return a value by class and id, `catalog.get(Criterion, "snip")`.

        Raises:
            UnknownName: nobody registered it.
        """
        return self.entry(of, name, where=where).value

    def named(self, names: Collection[str]) -> list[Entry[Any]]:
        """Return the entries of all kinds that have one of the ids."""
        return [of_kind[name] for of_kind in self._entries.values() for name in names if name in of_kind]

    def changes_results(self, plugin: Plugin) -> bool:
        """Say whether a plugin registers anything that can change a result; figures and executors cannot."""
        kinds = [kind for kind in KINDS if kind.changes_results]
        return any(entry.plugin == plugin for kind in kinds for entry in self._entries[kind.of].values())


Entries = dict[type[Any], dict[str, Entry[Any]]]


def build_catalog(
    plugins: Iterable[str] | None = None, *, files: Iterable[Path] = (), of: Iterable[type[Any]] | None = None
) -> Catalog:
    """Load the named plugins (all when None) and single files, and index what they register, of all kinds or of some.

    Raises:
        UnknownName: a named plugin is not installed.
        BadOption: a file that is no Python file.
        BadPlugin: a plugin cannot be used, or registers something invalid.
        NameClash: two plugins register the same id.
    """
    loaded = load(plugins, files=files)
    entries: Entries = {kind.of: {} for kind in KINDS}
    for plugin in loaded.plugins:
        _add(entries, plugin, loaded, KINDS if of is None else [kind_of(each) for each in of])
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

    def owner(self, of: type[V], name: str, *, where: str) -> Entry[V]:
        """Return the entry of `name`.

        Raises:
            UnknownName: no usable plugin registers it; the message names those that are broken.
        """
        found = self.catalog.entries(of)
        if name not in found:
            broken = ", ".join(plugin.name for plugin, _ in self.broken)
            advice = f"Broken plugins: {broken}; `repro plugins` says why." if broken else ""
            raise UnknownName.among(kind_of(of).noun, name, found, where=where, advice=advice)
        return found[name]


def survey(*, of: Iterable[type[Any]] | None = None, files: Iterable[Path] = ()) -> Survey:
    """Load every plugin and index what can be used; only the hooks of papers and of the given classes are called.

    A plugin that registers something invalid, or an id that is taken, is broken and leaves the others usable.
    """
    loaded = load(files=files)
    kinds = KINDS if of is None else [kind_of(each) for each in of]
    entries: Entries = {kind.of: {} for kind in KINDS}
    papers: dict[str, tuple[Path, ...]] = {}
    usable: list[Plugin] = []
    broken = list(loaded.broken)
    for plugin in loaded.plugins:
        before = {each: dict(of_kind) for each, of_kind in entries.items()}
        try:
            _add(entries, plugin, loaded, kinds)
            papers[plugin.name] = _papers(plugin, loaded)
            usable.append(plugin)
        except (BadPlugin, NameClash) as problem:
            entries = before
            broken.append((plugin, str(problem)))
    return Survey(Catalog(entries, usable), papers, tuple(broken))


def _add(entries: Entries, plugin: Plugin, loaded: Loaded, kinds: Iterable[Kind] = KINDS) -> None:
    """Add what one plugin registers, each value checked."""
    for kind in kinds:
        for value in _call(plugin, kind.hook, loaded):
            if not isinstance(value, kind.of):
                raise BadPlugin(
                    f'plugin "{plugin.name}" returned {value!r} from {kind.hook}; a {kind.of.__name__} was expected.'
                )
            entry = Entry(str(getattr(value, "id", "")), value, plugin, place(getattr(value, kind.field)))
            if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", entry.id):
                raise BadPlugin(
                    f'plugin "{plugin.name}" registers the {kind.noun} "{entry.id}" ({entry.where}); an id of '
                    "lower-case letters, digits, hyphens and dots was expected."
                )
            check(value, owner=f'plugin "{plugin.name}": ')
            other = entries[kind.of].get(entry.id)
            if other is not None:
                raise NameClash(
                    f'{kind.noun} "{entry.id}" is registered twice: by "{other.plugin.name}" ({other.where}) and by '
                    f'"{plugin.name}" ({entry.where}). Rename one, or leave out one of the two plugins.'
                )
            entries[kind.of][entry.id] = entry


def _papers(plugin: Plugin, loaded: Loaded) -> tuple[Path, ...]:
    folders = _call(plugin, PAPERS_HOOK, loaded)
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
        with kept(new_variables=True):
            return tuple(implementation())
    except (Exception, SystemExit) as problem:
        raise BadPlugin(
            f'plugin "{plugin.name}" ({plugin.distribution} {plugin.version}) raised {type(problem).__name__} in '
            f"{hook}: {problem}. Repair or uninstall it."
        ) from problem
