"""A record as one `Table`, which everything in a report reads."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pruneproof.contracts.claims import ClaimTest, ValueScale
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.metric import Metric
from pruneproof.drawing.table import Claim, MetricInfo, Row, Table
from pruneproof.papers.record import ClaimRecord, MetricRecord, Record
from pruneproof.papers.schema import Method
from pruneproof.papers.short_form import settings_of
from pruneproof.registry.catalog import Catalog

OWN = "own"
"""What the column `twin` has for the paper's own method."""
TWIN, BASE = "twin", "base"
"""Columns of a record with twins: the suffix of the twin, and the paper's own method that it belongs to."""


def completed(record: Record, catalog: Catalog) -> Record:
    """Return a record with what its metrics and the values of its claims are, where an older one does not say."""
    named = {metric for cell in record.cells for values in cell.measured.values() for metric in values}
    known = catalog.entries(Metric)
    metrics = {
        metric: MetricRecord(unit=each.unit, per=each.per, better=each.better, about=each.about)
        for metric in sorted(named - set(record.metrics))
        if metric in known and (each := known[metric].value)
    }
    tests = catalog.entries(ClaimTest)
    claims = tuple(
        claim.model_copy(update={"scale": tests[claim.test].value.value})
        if claim.test in tests and claim.scale == ValueScale()
        else claim
        for claim in record.claims
    )
    return record.model_copy(update={"metrics": {**record.metrics, **metrics}, "claims": claims})


def table_of(record: Record) -> Table:
    """Return what a record measured and judged."""
    methods = {(cell.run, cell.method) for cell in record.cells}
    rows = tuple(
        Row(
            run=cell.run,
            method=cell.method,
            sparsity=cell.sparsity,
            seed=cell.seed,
            at=at,
            settings={**cell.settings, **_twin(record.twins, methods, cell.run, cell.method)},
            values=values,
        )
        for cell in record.cells
        for at, values in cell.measured.items()
    )
    return Table(
        rows=rows,
        metrics={name: _info(metric) for name, metric in record.metrics.items()},
        settings=frozenset(name for row in rows for name in row.settings),
        claims=tuple(map(_claim, record.claims)),
    )


def with_names(table: Table, catalog: Catalog) -> Table:
    """Return a table in which every registered metric, and every option of a criterion, may be named."""
    metrics = {name: _info(entry.value) for name, entry in catalog.entries(Metric).items()}
    options = (name for entry in catalog.entries(Criterion).values() for name in entry.value.options)
    settings = {*settings_of(Method(method="any")), "rounds", *options}
    return replace(table, metrics={**metrics, **table.metrics}, settings=table.settings | settings)


def _info(metric: MetricRecord | Metric) -> MetricInfo:
    return MetricInfo(metric.unit, metric.per, metric.better, metric.about)


def _claim(claim: ClaimRecord) -> Claim:
    return Claim(
        id=claim.id,
        text=claim.text,
        verdict=claim.verdict,
        value=claim.value,
        low=claim.low,
        high=claim.high,
        unit=claim.unit,
        scale=claim.scale,
        bounds=claim.bounds,
    )


def _twin(twins: tuple[str, ...], methods: set[tuple[str, str]], run: str, method: str) -> Mapping[str, Any]:
    """Return the columns of a method that is a twin or has one; nothing for others."""
    for suffix in twins:
        base = method.removesuffix(f"-{suffix}")
        if base != method and (run, base) in methods:
            return {BASE: base, TWIN: suffix}
    has_twin = any((run, f"{method}-{suffix}") in methods for suffix in twins)
    return {BASE: method, TWIN: OWN} if has_twin else {}
