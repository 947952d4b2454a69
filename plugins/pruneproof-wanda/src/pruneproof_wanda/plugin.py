"""What `pruneproof` finds through the entry point `wanda`."""

from collections.abc import Iterable

from pruneproof.api import Criterion, hookimpl
from pruneproof_wanda.columnwise import SPARSEGPT
from pruneproof_wanda.criterion import WANDA

pruneproof_api = 2


@hookimpl
def pruneproof_criteria() -> Iterable[Criterion]:
    """Wanda's score, and SparseGPT's with its update."""
    return [WANDA, SPARSEGPT]
