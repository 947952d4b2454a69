"""All built-in metrics."""

from pruneproof.api import Metric
from pruneproof.metrics import distance, filters, performance, real_size, size, trajectory

METRICS: tuple[Metric, ...] = (
    *performance.METRICS,
    *size.METRICS,
    *real_size.METRICS,
    *filters.METRICS,
    *trajectory.METRICS,
    *distance.METRICS,
)
