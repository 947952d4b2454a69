"""The report in Markdown, its figures beside it."""

from markupsafe import Markup

from pruneproof.report.content import Report, content, environment
from pruneproof.report.summary import address, code, escape
from pruneproof.values.visible import visible


def render_markdown(report: Report, results: str = "") -> str:
    """Return the report as Markdown that refers to `figures/NAME.svg`, and to `results`, if any, for every network."""
    made = environment(html=False)
    made.finalize = lambda value: value if isinstance(value, Markup) else escape(str(value))
    made.filters["address"] = lambda value: Markup(address(str(value)))
    made.filters["code"] = lambda value: Markup(code(str(value)))
    made.filters["block"] = lambda value: Markup(visible(str(value)).replace("```", "'''"))
    return made.get_template("report.md.jinja").render(content(report, results))
