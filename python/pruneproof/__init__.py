"""Re-run what neural-network pruning papers claim: pinned experiments, exact selection, a verdict per claim.

`select` and `MaskSet` prune anybody's tensors; `run` replays a paper and `load_record` opens what came of it. Plugins
import `pruneproof.api`. The command line tool is `repro`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pruneproof.runs.record_view import RecordView, load_record
    from pruneproof.runs.run import run
    from pruneproof.selection.public import select
    from pruneproof.values.masks import MaskSet

__all__ = ["MaskSet", "RecordView", "load_record", "run", "select"]

_MODULES = {
    "MaskSet": "pruneproof.values.masks",
    "RecordView": "pruneproof.runs.record_view",
    "load_record": "pruneproof.runs.record_view",
    "run": "pruneproof.runs.run",
    "select": "pruneproof.selection.public",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: the command line starts without torch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Return what `pruneproof` offers, imported or not."""
    return sorted({*globals(), *__all__})
