"""All built-in metrics."""

from pruneproof.api import Metric
from pruneproof.metrics import (
    connectivity,
    distance,
    filters,
    jacobian,
    overlap,
    performance,
    real_size,
    size,
    trainability,
    training_budget,
    training_cost,
    trajectory,
)

METRICS: tuple[Metric, ...] = (
    *performance.METRICS,
    *size.METRICS,
    *real_size.METRICS,
    *training_budget.METRICS,
    *filters.METRICS,
    *trajectory.METRICS,
    *jacobian.METRICS,
    *trainability.METRICS,
    *distance.METRICS,
    *connectivity.METRICS,
    *overlap.METRICS,
    *training_cost.METRICS,
)
