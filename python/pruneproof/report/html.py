"""The report as one HTML page, and `render`, which writes every form of it."""

from pathlib import Path

from markupsafe import Markup

from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Record
from pruneproof.papers.uncompared import uncompared
from pruneproof.registry.catalog import Catalog
from pruneproof.report.content import Report, content, environment
from pruneproof.report.figures import draw
from pruneproof.report.markdown import render_markdown
from pruneproof.report.results import tidy_csv
from pruneproof.report.rows import cell_rows
from pruneproof.report.table import completed, table_of
from pruneproof.report.themed import themed
from pruneproof.values.files import replacing
from pruneproof.values.opening import refuse_links


def render(record: Record, paper: Paper, catalog: Catalog, folder: Path) -> dict[str, Path]:
    """Write `report.html`, `report.md`, `figures/*.svg` and `results.csv` into `folder`; figures of an older run go.

    Args:
        record: what was run and found.
        paper: its identity, caveats, printed tables and figures.
        catalog: the kinds of figures, and what the metrics of a record are that does not say so itself.
        folder: created where missing; each file is written beside its place and then moved there.

    Returns:
        name -> path: `report` (HTML), `markdown`, `results` (CSV) and `figures` (the folder).

    Raises:
        UnknownName: a figure names a metric, column or scale that does not exist.
        BadConfig: options of a figure that do not go together.
        OSError: the folder of figures is a link, or something cannot be written.
    """
    report = make_report(record, paper, catalog)
    figures = folder / "figures"
    refuse_links(figures, folder)  # nothing is written or deleted in the folder of somebody else
    figures.mkdir(parents=True, exist_ok=True)
    files = {figures / f"{plot.name}.svg": plot.svg for group in report.plots.values() for plot in group}
    for path in set(figures.glob("*.svg")) - set(files):
        path.unlink()
    paths = {"report": folder / "report.html", "markdown": folder / "report.md", "results": folder / "results.csv"}
    files[paths["report"]] = render_html(report, paths["results"].name)
    files[paths["markdown"]] = render_markdown(report, paths["results"].name)
    files[paths["results"]] = tidy_csv(cell_rows(report.record))
    for path, text in files.items():
        with replacing(path) as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")
    return paths | {"figures": figures}


def make_report(record: Record, paper: Paper, catalog: Catalog) -> Report:
    """Return everything that a report is made of: table and figures are computed here, once."""
    record = completed(record, catalog)
    table = table_of(record)
    bibtex = (paper.folder / "citation.bib").read_text(encoding="utf-8")
    plots = draw(record, table, paper, catalog)
    return Report(record, table, paper, plots, bibtex, uncompared(paper, record, catalog))


def render_html(report: Report, results: str = "") -> str:
    """Return the report as one page without outside references except links: styles and figures are inside it.

    `results` is the file beside it that has every network; empty where the page stands alone.
    """
    made = environment(html=True)
    made.filters["themed"] = lambda plot: Markup(themed(plot))
    return made.get_template("report.html.jinja").render(content(report, results))
