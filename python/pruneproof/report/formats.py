"""The forms of a report, each a few files: `repro report --format`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pruneproof.papers.findings import matches
from pruneproof.papers.record import ClaimRecord
from pruneproof.report.content import Report
from pruneproof.report.html import render_html
from pruneproof.report.latex import claims_latex
from pruneproof.report.logbook import logbook_page
from pruneproof.report.markdown import render_markdown
from pruneproof.report.parquet import parquet
from pruneproof.report.results import tidy_csv
from pruneproof.report.rows import Rows, claim_rows, measurement_rows
from pruneproof.values.files import replacing

Claims = list[ClaimRecord]
Files = Mapping[str, str | bytes]
"""Path below the folder -> content."""


def _html(report: Report, claims: Claims) -> Files:
    return {"report.html": render_html(report)}


def _markdown(report: Report, claims: Claims) -> Files:
    figures = {f"figures/{plot.name}.svg": plot.svg for group in report.plots.values() for plot in group}
    return {"report.md": render_markdown(report), **figures}


def _tables(report: Report, claims: Claims) -> Mapping[str, Rows]:
    return {"measurements": measurement_rows(report.record), "claims": claim_rows(report.record, claims)}


def _csv(report: Report, claims: Claims) -> Files:
    return {f"{name}.csv": tidy_csv(rows) for name, rows in _tables(report, claims).items()}


def _parquet(report: Report, claims: Claims) -> Files:
    return {f"{name}.parquet": parquet(rows) for name, rows in _tables(report, claims).items()}


def _latex(report: Report, claims: Claims) -> Files:
    return {"claims.tex": claims_latex(report.record, claims)}


def _logbook(report: Report, claims: Claims) -> Files:
    record = report.record
    return {f"logbook/{record.paper}-{record.profile}/page.md": logbook_page(report.paper, record)}


FORMATS: Mapping[str, Callable[[Report, Claims], Files]] = {
    "html": _html,
    "md": _markdown,
    "csv": _csv,
    "parquet": _parquet,
    "latex": _latex,
    "logbook": _logbook,
}


def write_format(report: Report, form: str, folder: Path, patterns: tuple[str, ...] = ()) -> list[Path]:
    """Write one form of a report into a folder and return the paths of its files.

    Args:
        report: what it is made of.
        form: a key of `FORMATS`.
        folder: created where missing; each file is written beside its place and then moved there.
        patterns: ids of the claims in tables of claims, `*` for any characters; all where empty.

    Raises:
        ExtraMissing: `parquet` without pyarrow.
        OSError: something cannot be written.
    """
    claims = [each for each in report.record.claims if not patterns or matches(each.id, patterns)]
    paths = []
    for name, content in FORMATS[form](report, claims).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            draft.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        paths.append(path)
    return paths
