"""All built-in metrics."""

from pruneproof.api import Metric
from pruneproof.metrics import performance, real_size, size

METRICS: tuple[Metric, ...] = (*performance.METRICS, *size.METRICS, *real_size.METRICS)
