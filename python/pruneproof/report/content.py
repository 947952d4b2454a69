"""What a report says, gathered once for Markdown and HTML."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pruneproof.drawing.canvas import Plot
from pruneproof.papers.record import Record
from pruneproof.papers.schema import PaperInfo
from pruneproof.report import wording
from pruneproof.report.comparison import comparisons, in_points, mean_and_spread
from pruneproof.report.results import points
from pruneproof.statistics import rounded

Tables = Mapping[str, Sequence[Mapping[str, str]]]


def environment(*, html: bool) -> Environment:
    """Return the template environment; HTML is escaped, Markdown by the filter `escape` of `summary`."""
    made = Environment(
        loader=PackageLoader("pruneproof.report"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "percent": wording.percent,
        "duration": wording.duration,
        "figure": wording.figure,
        "measures_losses": lambda found: any(point.loss_change is not None for point in found),
        "number": lambda x: "" if x is None else rounded(x),
        "mean_and_spread": mean_and_spread,
        "points": in_points,
        "spread": wording.spread,
        "judged": wording.judged,
        "not_run": wording.not_run,
    }
    return made


def content(
    record: Record, info: PaperInfo, tables: Tables, bibtex: str, plots: Mapping[str, Sequence[Plot]]
) -> dict[str, Any]:
    """Return the variables of both templates."""
    seconds: dict[str, list[float]] = {}
    for stage in record.stages:
        seconds.setdefault(stage.kind, []).append(stage.seconds)
    version = record.environment.get("versions", {}).get("pruneproof", "")
    return {
        "record": record,
        "info": info,
        "bibtex": bibtex.strip(),
        "software": _software(version),
        "tables": {name: rows for name, rows in tables.items() if rows},
        "plots": plots,
        "runs": points(record),
        "comparisons": comparisons(record),
        "kinds": wording.KINDS,
        "claims": wording.claims_by_kind(record),
        "counts": {kind: wording.counts(record, kind) for kind in wording.claims_by_kind(record)},
        "symbols": wording.SYMBOLS,
        "summary": wording.counts_sentence(record),
        "warnings": wording.warnings(record),
        "scale_name": {"small": "small scale", "reduced": "reduced scale", "paper": "the paper's scale"}[record.scale],
        "environment": _flat(record.environment),
        "work": {kind: (len(each), sum(each)) for kind, each in seconds.items()},
    }


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
