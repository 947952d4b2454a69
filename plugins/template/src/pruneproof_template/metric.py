"""A metric: how many output units have lost all of their weights."""

from collections.abc import Iterable

from pruneproof.api import Metric, Tensors, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_metric(alive: Tensors) -> int:
    """Return the number of output units (filters, rows of matrices) with no weight alive.

    >>> import torch
    >>> template_metric({"fc": torch.tensor([[True, False], [False, False]])})
    1

    Args:
        alive: name -> mask, bool, outputs first. The name of a positional parameter is an ingredient; those of metrics
            are listed in `pruneproof.contracts.metric`. Keyword-only parameters after it would be options.
    """
    return sum(int((~mask.flatten(1).any(1)).sum()) for mask in alive.values())


TEMPLATE_METRIC = Metric(
    id="template-metric",
    measure=template_metric,
    about="Output units with no weight alive.",
    unit="units",
    better="smaller",
)


@hookimpl
def pruneproof_metrics() -> Iterable[Metric]:
    """Register the metric."""
    return [TEMPLATE_METRIC]
