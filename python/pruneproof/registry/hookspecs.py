"""The hooks of a `pruneproof` plugin, made from the rows of `registry/kinds.py`.

A plugin implements any of them and marks its functions with `pruneproof.api.hookimpl`. Each takes nothing and returns
values of its kind's class. Import what is heavy inside the function.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pluggy

from pruneproof.registry.kinds import KINDS, PAPERS_HOOK

HOOKS: Mapping[str, str] = {kind.hook: f"{kind.of.__name__}: {kind.summary}" for kind in KINDS} | {
    PAPERS_HOOK: "pathlib.Path: folders that hold paper.toml, runs.toml and claims.toml"
}
"""Hook -> what it returns."""

hookspec = pluggy.HookspecMarker("pruneproof")


def hookspecs() -> ModuleType:
    """Return a module with one specification per hook, as pluggy reads them.

    >>> hookspecs().pruneproof_criteria.__doc__
    'Criterion: scores weights; larger means keep'
    """
    made = ModuleType("pruneproof_hooks")
    for name, about in HOOKS.items():
        setattr(made, name, hookspec(_specification(name, about)))
    return made


def _specification(name: str, about: str) -> Callable[[], Any]:
    def specification() -> Any:
        raise NotImplementedError

    specification.__name__ = name
    specification.__doc__ = about
    return specification
