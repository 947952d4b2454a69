"""Re-run what neural-network pruning papers claim: pinned experiments, exact selection, a verdict per claim.

`select` and `MaskSet` prune anybody's tensors. Plugins import `pruneproof.api`. The command line tool is `repro`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pruneproof.selection.public import select
    from pruneproof.values.masks import MaskSet

__all__ = ["MaskSet", "select"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: the command line starts without torch."""
    if name == "select":
        from pruneproof.selection.public import select

        return select
    if name == "MaskSet":
        from pruneproof.values.masks import MaskSet

        return MaskSet
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
