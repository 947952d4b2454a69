"""Loads plugins through entry points of the group `pruneproof`, and says which ones could not be loaded."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from pruneproof.errors import BadPlugin, UnknownName

GROUP = "pruneproof"


@dataclass(frozen=True)
class Plugin:
    """An installed plugin: entry-point name, distribution and the module behind it."""

    name: str
    distribution: str
    version: str
    target: str
    """`module` or `module:object`, as the entry point states it."""


@dataclass(frozen=True)
class Loaded:
    """Imported plugins, and the ones that failed with the reason."""

    manager: pluggy.PluginManager
    plugins: tuple[Plugin, ...]
    broken: tuple[tuple[Plugin, str], ...] = ()


def installed() -> dict[str, Plugin]:
    """Return the installed plugins by name, without importing any."""
    return {entry.name: _describe(entry) for entry in _entries()}


def load(names: Iterable[str] | None = None) -> Loaded:
    """Import the named plugins, or all of them when `names` is None.

    A named plugin that cannot be imported is an error; with `names=None` it is listed in `broken` and the rest stay
    usable.

    Raises:
        UnknownName: a named plugin is not installed.
        BadPlugin: a named plugin fails to import, or implements a hook that does not exist.
    """
    from pruneproof.registry import hookspecs

    entries = {entry.name: entry for entry in _entries()}
    wanted = list(entries) if names is None else list(names)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    plugins: list[Plugin] = []
    broken: list[tuple[Plugin, str]] = []
    for name in wanted:
        if name not in entries:
            raise UnknownName.among("plugin", name, entries, advice="Install its package into this environment first.")
        plugin = _describe(entries[name])
        problem = _register(manager, entries[name])
        if problem is None:
            plugins.append(plugin)
        elif names is None:
            broken.append((plugin, problem))
        else:
            raise BadPlugin(f'plugin "{name}" ({plugin.distribution} {plugin.version}) cannot be used: {problem}')
    return Loaded(manager, tuple(plugins), tuple(broken))


def _entries() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: (entry.name != "builtin", entry.name))


def _describe(entry: EntryPoint) -> Plugin:
    return Plugin(
        name=entry.name,
        distribution=entry.dist.name if entry.dist else "unknown",
        version=entry.dist.version if entry.dist else "unknown",
        target=entry.value,
    )


def _register(manager: pluggy.PluginManager, entry: EntryPoint) -> str | None:
    """Import and register one plugin; return the reason when that fails."""
    try:
        module: Any = entry.load()
    except (Exception, SystemExit) as problem:  # a stranger's import may raise anything; it must not take the rest down
        return f"importing {entry.value} raised {type(problem).__name__}: {problem}. Repair or uninstall the package."
    try:
        manager.register(module, name=entry.name)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as problem:
        manager.unregister(name=entry.name)
        known = ", ".join(name for name in dir(manager.hook) if name.startswith("pruneproof_"))
        return f"{problem}. The hooks are {known}."
    return None
