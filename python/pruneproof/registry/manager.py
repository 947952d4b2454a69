"""Loads plugins: installed ones through entry points of the group `pruneproof`, and single files.

A plugin that cannot be loaded is named with the reason and leaves the rest usable.
"""

import difflib
import importlib.util
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from pruneproof.contracts.version import API_VERSION
from pruneproof.errors import BadPlugin, NameClash, UnknownName
from pruneproof.registry.allowed import VARIABLE, allowed
from pruneproof.registry.plugin_file import check_file, import_file
from pruneproof.values.digests import digest_file, digest_json
from pruneproof.values.surroundings import kept

GROUP = "pruneproof"
PREFIX = "pruneproof_"


@dataclass(frozen=True)
class Plugin:
    """A plugin: its name, who brings it, and the module behind it."""

    name: str
    """The entry point's name, or the stem of the file."""
    distribution: str
    """The installed distribution, or the file's name."""
    version: str
    """The distribution's version, or the first 16 digits of the file's digest."""
    target: str
    """`module` or `module:object`, as the entry point states it; or the file's path."""

    @property
    def is_file(self) -> bool:
        """Whether it is a single file rather than installed."""
        return self.target.endswith(".py")

    def digest(self) -> str:
        """Return the digest of its Python sources (of the whole top-level package); `unknown` where there are none."""
        if self.is_file:
            return digest_file(Path(self.target))
        try:
            spec = importlib.util.find_spec(self.target.partition(":")[0].partition(".")[0])
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            return "unknown"
        if spec.submodule_search_locations is None:
            return digest_file(Path(spec.origin)) if spec.origin and Path(spec.origin).is_file() else "unknown"
        folders = [Path(each) for each in spec.submodule_search_locations]
        sources = {path.relative_to(folder).as_posix(): path for folder in folders for path in folder.rglob("*.py")}
        return digest_json({name: digest_file(path) for name, path in sources.items()})


@dataclass(frozen=True)
class Loaded:
    """Imported plugins, and the ones that failed with the reason."""

    manager: pluggy.PluginManager
    plugins: tuple[Plugin, ...]
    broken: tuple[tuple[Plugin, str], ...] = ()


def installed() -> dict[str, Plugin]:
    """Return the installed plugins by name, without importing any; `PRUNEPROOF_PLUGINS` may leave out some."""
    return {name: _describe(entries[0]) for name, entries in _entries().items()}


def load(names: Iterable[str] | None = None, *, files: Iterable[Path] = ()) -> Loaded:
    """Import the named plugins, or all of them when `names` is None, and single files.

    A plugin that was asked for and cannot be imported is an error; with `names=None` an installed one is listed in
    `broken` and the rest stay usable. A name that belongs to one of the files means that file.

    Raises:
        UnknownName: a named plugin is not installed.
        BadOption: a file that is no Python file.
        BadPlugin: a plugin that was asked for fails to import, implements a hook that does not exist or was made for
            another version of the plugin API.
        NameClash: two plugins have the same name.
    """
    from pruneproof.registry.hookspecs import hookspecs

    entries = _entries()
    single = _files(files, entries)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs())
    wanted = dict.fromkeys([*(entries if names is None else names), *single])
    plugins: list[Plugin] = []
    broken: list[tuple[Plugin, str]] = []
    for name in wanted:
        if name not in single and name not in entries:
            raise _not_installed(name, [*entries, *single])
        plugin = single[name] if name in single else _describe(entries[name][0])
        problem = _import(manager, plugin, entries.get(name, []))
        if problem is None:
            plugins.append(plugin)
        elif names is None and name not in single:
            broken.append((plugin, problem))
        else:
            kind = NameClash if len(entries.get(name, [])) > 1 else BadPlugin
            raise kind(f'plugin "{name}" ({plugin.distribution} {plugin.version}) cannot be used: {problem}')
    return Loaded(manager, tuple(plugins), tuple(broken))


def _entries() -> dict[str, list[EntryPoint]]:
    """Return the allowed entry points by name, the built-in one first; more than one of a name is a clash."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name != "builtin", entry.name)):
        found.setdefault(entry.name, []).append(entry)
    usable = allowed(found)
    return {name: entries for name, entries in found.items() if name in usable}


def _describe(entry: EntryPoint) -> Plugin:
    return Plugin(
        name=entry.name,
        distribution=entry.dist.name if entry.dist else "unknown",
        version=entry.dist.version if entry.dist else "unknown",
        target=entry.value,
    )


def _files(files: Iterable[Path], entries: dict[str, list[EntryPoint]]) -> dict[str, Plugin]:
    found: dict[str, Plugin] = {}
    for file in files:
        path = check_file(file)
        plugin = Plugin(path.stem, path.name, digest_file(path)[:16], str(path))
        other = found.get(path.stem) or (_describe(entries[path.stem][0]) if path.stem in entries else None)
        if other is not None and other != plugin:
            owner = f"{other.distribution} {other.version}, {other.target}"
            raise NameClash(
                f'plugin name "{path.stem}" is taken twice: by {owner} and by --plugin {path}. Rename the file.'
            )
        found[path.stem] = plugin
    return found


def _not_installed(name: str, known: Iterable[str]) -> UnknownName:
    if any(entry.name == name for entry in entry_points(group=GROUP)):
        return UnknownName(
            f'plugin "{name}" is installed, but {VARIABLE} leaves it out. Add it there, or unset {VARIABLE}.'
        )
    advice = "Install its package into this environment first: repro install NAME."
    return UnknownName.among("plugin", name, known, advice=advice)


def _import(manager: pluggy.PluginManager, plugin: Plugin, entries: list[EntryPoint]) -> str | None:
    """Import and register one plugin; return the reason when that fails."""
    if len(entries) > 1:
        owners = " and ".join(f"{each.distribution} {each.version} ({each.target})" for each in map(_describe, entries))
        return f"its name is taken twice: by {owners}. Uninstall one of the two packages."
    try:
        with kept(new_variables=True):
            module: Any = import_file(Path(plugin.target)) if plugin.is_file else entries[0].load()
    except (Exception, SystemExit) as problem:  # a third-party import may raise anything; the rest must live
        advice = "Repair the file." if plugin.is_file else "Repair or uninstall the package."
        return f"importing {plugin.target} raised {type(problem).__name__}: {problem}. {advice}"
    try:
        problem_found = _check_version(module) or _check_hooks(module, manager)
        if problem_found is None:
            manager.register(module, name=plugin.name)
    except (pluggy.PluginValidationError, ValueError) as problem:
        if manager.has_plugin(plugin.name):
            manager.unregister(name=plugin.name)
        return f"{problem}. A hook takes no parameters."
    return problem_found


def _check_version(module: Any) -> str | None:
    made_for = getattr(module, "pruneproof_api", API_VERSION)
    if made_for == API_VERSION:
        return None
    return (
        f"it was made for version {made_for!r} of the plugin API, and this pruneproof has version {API_VERSION}. "
        "Install a release of the plugin or of pruneproof that fits the other."
    )


def _check_hooks(module: Any, manager: pluggy.PluginManager) -> str | None:
    """Return what is wrong with the functions that are, or look like, hooks."""
    hooks = [name for name in dir(manager.hook) if name.startswith(PREFIX)]
    for name in dir(module):
        value = getattr(module, name)
        is_marked = inspect.isroutine(value) and hasattr(value, "pruneproof_impl")
        if not is_marked and not (name.startswith(PREFIX) and inspect.isroutine(value)):
            continue
        if name not in hooks:
            near = difflib.get_close_matches(name, hooks, n=1, cutoff=0.5)
            nearest = f' Nearest: "{near[0]}".' if near else ""
            return f'the hook "{name}" does not exist.{nearest} The hooks are {", ".join(hooks)}.'
        if not is_marked:
            return f'"{name}" has the name of a hook and is not marked as one. Write @hookimpl above it.'
    return None
