"""All built-in metrics."""

from pruneproof.api import Metric
from pruneproof.metrics import filters, jacobian, performance, real_size, size, trainability, training_cost, trajectory

METRICS: tuple[Metric, ...] = (
    *performance.METRICS,
    *size.METRICS,
    *real_size.METRICS,
    *training_cost.METRICS,
    *filters.METRICS,
    *trajectory.METRICS,
    *jacobian.METRICS,
    *trainability.METRICS,
)
