"""The report in Markdown, its figures beside it."""

from pruneproof.report.content import Report, content, environment
from pruneproof.report.summary import escape


def render_markdown(report: Report) -> str:
    """Return the report as Markdown that refers to `figures/NAME.svg`."""
    made = environment(html=False)
    made.filters["md"] = lambda value: escape(str(value))
    return made.get_template("report.md.jinja").render(content(report))
