"""What a report says, gathered once for Markdown and HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pruneproof.drawing.canvas import Plot
from pruneproof.drawing.numbers import percent, shown
from pruneproof.drawing.table import Table
from pruneproof.papers.findings import Answered, findings
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Record
from pruneproof.papers.uncompared import Uncompared
from pruneproof.papers.unjudged import unjudged
from pruneproof.report import wording
from pruneproof.report.comparison import comparisons, difference_of
from pruneproof.report.exploratory import HEADS, exploratory_rows, exploratory_sentence
from pruneproof.report.figures import Plots, question_part
from pruneproof.report.results import result_tables
from pruneproof.values.visible import visible


@dataclass(frozen=True)
class Report:
    """Everything that a report is made of."""

    record: Record
    table: Table
    paper: Paper
    plots: Plots
    bibtex: str = ""
    uncompared: Sequence[Uncompared] = ()
    """Differences that no claim is about."""


def environment(*, html: bool) -> Environment:
    """Return the template environment; in HTML and, by `render_markdown`, in Markdown all values are escaped."""
    made = Environment(
        loader=PackageLoader("pruneproof.report"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    if html:
        made.finalize = lambda value: value if isinstance(value, Markup) else visible(str(value))
    made.filters |= {
        "percent": percent,
        "duration": wording.duration,
        "figure": wording.figure,
        "shown": shown,
        "difference": difference_of,
        "spread": wording.spread,
        "standing": wording.standing,
    }
    return made


def content(report: Report, results: str = "") -> dict[str, Any]:
    """Return the variables of both templates; `results` is the file beside the report that has every network."""
    record = report.record
    seconds: dict[str, list[float]] = {}
    for stage in record.stages:
        seconds.setdefault(stage.kind, []).append(stage.seconds)
    version = record.environment.get("versions", {}).get("pruneproof", "")
    groups = wording.claim_groups(record)
    return {
        "record": record,
        "results": results,
        "findings": [
            (each, _shown_by(each, number, report.plots)) for number, each in enumerate(findings(report.paper, record))
        ],
        "answer_rule": wording.ANSWER_RULE,
        "info": report.paper.info,
        "bibtex": report.bibtex.strip(),
        "software": _software(version),
        "tables": {name: rows for name, rows in report.paper.tables.items() if rows},
        "plots": report.plots,
        "runs": {run: result_tables(report.table, run) for run in report.table.distinct("run")},
        "comparisons": comparisons(report.table),
        "unjudged": [] if record.is_variant else _unjudged(report.paper, record.profile),
        "exploratory": exploratory_sentence(report.uncompared),
        "exploratory_heads": HEADS,
        "exploratory_rows": exploratory_rows(report.uncompared),
        "groups": groups,
        "statistical": [group for group in groups if group.is_statistical],
        "exact": [group for group in groups if not group.is_statistical],
        "symbols": wording.SYMBOLS,
        "summary": wording.counts_sentence(record),
        "registration": wording.registration_sentence(record),
        "headlines": wording.headline_sentence(record),
        "looks": wording.looks_sentence(record),
        "warnings": wording.warnings(record),
        "scale_name": wording.SCALE_NAMES[record.scale],
        "environment": {"numerics class": record.numerics, **_flat(record.environment)},
        "work": {kind: (len(each), sum(each)) for kind, each in seconds.items()},
    }


def _shown_by(found: Answered, number: int, plots: Plots) -> list[Plot]:
    """Return the figures that show what an answer rests on.

    They are those of the question itself, and of the runs that were judged those of the kind that the answer names.
    """
    own = [plot for plot in plots[""] if plot.name.endswith(question_part(number))]
    runs = {operand.partition("/")[0] for claim in found.claims for operand in claim.operands}
    return own + [
        plot
        for run in plots
        if run in runs
        for plot in plots[run]
        if found.figure and plot.name == f"{run}-{found.figure}"
    ]


def _unjudged(paper: Paper, profile: str) -> list[str]:
    """Return a line for each method that is measured and not judged, or not at all of its sparsities."""
    grouped: dict[tuple[str, str, str], list[float]] = {}
    for each in unjudged(paper, profile):
        grouped.setdefault((each.run, each.method, each.why), []).append(each.sparsity)
    return [
        f"{run}/{method} at {', '.join(percent(each) for each in sparsities)}: {why or 'no reason is given'}"
        for (run, method, why), sparsities in grouped.items()
    ]


def _software(version: str) -> str:
    lines = ["@software{pruneproof,", "  title   = {pruneproof: re-run what pruning papers claim},"]
    lines += [f"  version = {{{version}}},"] if version else []
    return "\n".join([*lines, "  author  = {{The pruneproof authors}}", "}"])


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment as name -> text, nested names joined by a space."""
    found: dict[str, str] = {}
    for name, value in environment.items():
        label = name.replace("_", " ")
        if isinstance(value, Mapping):
            found[label] = ", ".join(f"{key} {each}" for key, each in value.items())
        else:
            found[label] = "unknown" if value is None else str(value)
    return found
