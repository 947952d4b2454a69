"""What a record holds as flat rows, for pandas, a spreadsheet or anybody's own plots."""

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

from pruneproof.drawing.table import COLUMNS, END
from pruneproof.papers.findings import findings
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Cell, ClaimRecord, MetricRecord, Record
from pruneproof.report import wording

Row = dict[str, Any]
SHOWN = 20
"""Rows that a notebook shows of a longer list."""
COLOURS: Mapping[str, str] = {"holds": "#0072b2", "fails": "#d55e00", "absent": "#cc79a7"}
"""Verdicts that stand out in a notebook, in colours that colour-blind readers can tell apart."""


class Rows(list[Row]):
    """A list of rows with the same keys, as `pandas.DataFrame` takes it; a notebook shows it as a table.

    >>> rows = Rows([{"claim": "r1", "verdict": "holds"}])
    >>> rows.columns, rows[0]["verdict"]
    (['claim', 'verdict'], 'holds')
    """

    @property
    def columns(self) -> list[str]:
        """The keys of the rows."""
        return list(self[0]) if self else []

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join(f"<tr>{''.join(map(_cell, row.values()))}</tr>" for row in self[:SHOWN])
        more = f"<p>{SHOWN} of {len(self)} rows</p>" if len(self) > SHOWN else ""
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{more}"


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    colour = COLOURS.get(text)
    return f'<td style="text-align: left{f"; color: {colour}" if colour else ""}">{escape(text)}</td>'


def cell_rows(record: Record) -> Rows:
    """Return a row per network: run, method, sparsity, seed, its settings and metrics, and its last stage.

    A metric of the end is a column of its own name, one of another step of `step.metric`. Metrics with more than one
    number (per tensor, unit or epoch) are left to `measurement_rows`. None is a value that was not measured.
    """
    settings = list(dict.fromkeys(name for cell in record.cells for name in cell.settings))
    fixed = {*COLUMNS, *settings}
    found = dict.fromkeys((at, name) for cell in record.cells for at, name in _scalars(cell))
    measured = {f"{at}.{name}" if at != END or name in fixed else name: (at, name) for at, name in _end_first(found)}
    return Rows(
        {
            **{name: getattr(cell, name) for name in COLUMNS},
            **{name: cell.settings.get(name) for name in settings},
            **{head: cell.measured.get(at, {}).get(metric) for head, (at, metric) in measured.items()},
            "stage": cell.stages[-1],
        }
        for cell in record.cells
    )


def _scalars(cell: Cell) -> Iterator[tuple[str, str]]:
    for at, values in cell.measured.items():
        yield from ((at, name) for name, value in values.items() if not isinstance(value, Mapping | list))


def _end_first(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(found, key=lambda each: each[0] != END)


def measurement_rows(record: Record) -> Rows:
    """Return a row per network, step and number that was measured there: `part` is the tensor, unit or epoch.

    `value` is a float, true as 1; None where it was not measured. Metrics that answer with a text have it in `text`.
    """
    return Rows(
        {
            "paper": record.paper,
            "profile": record.profile,
            **{name: getattr(cell, name) for name in COLUMNS},
            "step": at,
            "metric": metric,
            "part": part,
            "value": None if value is None or isinstance(value, str) else float(value),
            "text": value if isinstance(value, str) else "",
            "unit": record.metrics.get(metric, MetricRecord()).unit,
        }
        for cell in record.cells
        for at, values in cell.measured.items()
        for metric, whole in values.items()
        for part, value in _parts(whole)
    )


def _parts(value: Any, part: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the numbers of a metric, each with where it belongs: a tensor, `tensor[3]`, `[3]`, or nothing.

    >>> list(_parts({"fc.weight": [0.5, 0.25]}))
    [('fc.weight[0]', 0.5), ('fc.weight[1]', 0.25)]
    """
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _parts(each, f"{part}.{name}" if part else str(name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _parts(each, f"{part}[{place}]")
    else:
        yield part, value


def claim_rows(record: Record, claims: Iterable[ClaimRecord] | None = None) -> Rows:
    """Return a row per claim of a record, or of these: what it says, its verdict, and the numbers behind it.

    `value`, `low` and `high` are in `unit`; `level` is that of the interval, `n` the number of seeds, `p` the one-sided
    error rate at which the verdict would just be reached. `share_of` says of which seeds `value` is a share.
    """
    return Rows(
        {
            "paper": record.paper,
            "profile": record.profile,
            "claim": claim.id,
            "kind": claim.kind,
            "verdict": str(claim.verdict),
            "text": claim.text,
            "where": claim.where,
            "strength": claim.strength,
            "reported": claim.reported,
            "value": claim.value,
            "low": claim.low,
            "high": claim.high,
            "unit": wording.unit(claim),
            "share_of": claim.scale.counts,
            "level": claim.level,
            "n": claim.n,
            "p": claim.p,
            "test": claim.test,
            "headline": claim.headline,
            "corrected": None if claim.corrected is None else str(claim.corrected),
            "post_hoc": claim.post_hoc,
            "look": len(claim.looks) + 1,
            "reason": claim.reason,
        }
        for claim in (record.claims if claims is None else claims)
    )


def finding_rows(paper: Paper, record: Record) -> Rows:
    """Return a row per question that a paper raises: the answer of a record, and how many claims got each verdict."""
    return Rows(
        {
            "question": each.question,
            "answer": str(each.answer),
            "verdicts": each.counts,
            "claims": " ".join(claim.id for claim in each.claims),
        }
        for each in findings(paper, record)
    )
