"""Wanda, SparseGPT and magnitude pruning of transformers, block by block, with exact counts.

`prune_transformer` prunes a model, `sparsegpt` one matrix; `WANDA` and `SPARSEGPT` are the criteria that `pruneproof`
finds by itself.
"""

from typing import TYPE_CHECKING, Any

from pruneproof_wanda.columnwise import SPARSEGPT
from pruneproof_wanda.criterion import WANDA, wanda

if TYPE_CHECKING:
    from pruneproof_wanda.solver import sparsegpt
    from pruneproof_wanda.walk import LayerReport, Pruned, prune_transformer

__all__ = ["SPARSEGPT", "WANDA", "LayerReport", "Pruned", "prune_transformer", "sparsegpt", "wanda"]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for: the registry reads the criterion without it."""
    if name == "sparsegpt":
        from pruneproof_wanda.solver import sparsegpt

        return sparsegpt
    if name in __all__:
        from pruneproof_wanda import walk

        return getattr(walk, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
