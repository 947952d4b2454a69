"""All built-in metrics."""

from pruneproof.api import Metric
from pruneproof.metrics import performance, size

METRICS: tuple[Metric, ...] = (*performance.METRICS, *size.METRICS)
