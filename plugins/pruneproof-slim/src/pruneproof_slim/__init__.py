"""Filter pruning that ends in a smaller network: a criterion for filters, and their removal with the outputs kept."""

from collections.abc import Iterable

from pruneproof.api import Criterion, hookimpl

pruneproof_api = 2


@hookimpl
def pruneproof_criteria() -> Iterable[Criterion]:
    """The L1 norm of whole filters."""
    from pruneproof_slim.criterion import FILTER_L1

    return [FILTER_L1]
