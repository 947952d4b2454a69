"""The report in Markdown, its figures beside it."""

from collections.abc import Mapping, Sequence

from pruneproof.drawing.canvas import Plot
from pruneproof.papers.record import Record
from pruneproof.papers.schema import PaperInfo
from pruneproof.report.content import Tables, content, environment
from pruneproof.report.summary import escape


def render_markdown(
    record: Record, *, info: PaperInfo, tables: Tables, bibtex: str, plots: Mapping[str, Sequence[Plot]]
) -> str:
    """Return the report as Markdown that refers to `figures/NAME.svg`."""
    made = environment(html=False)
    made.filters["md"] = lambda value: escape(str(value))
    return made.get_template("report.md.jinja").render(content(record, info, tables, bibtex, plots))
