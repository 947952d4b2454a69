"""The report as one HTML page, and `render`, which writes every form of it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from pruneproof.drawing.canvas import Plot
from pruneproof.papers.record import Record
from pruneproof.papers.schema import PaperInfo
from pruneproof.report.content import Tables, content, environment
from pruneproof.report.markdown import render_markdown
from pruneproof.report.plots import draw, themed
from pruneproof.report.results import tidy_csv


def render(record: Record, *, info: PaperInfo, tables: Tables, bibtex: str, folder: Path) -> dict[str, Path]:
    """Write `report.html`, `report.md`, `figures/*.svg` and `results.csv` into `folder`; figures of an older run go.

    Args:
        record: what was run and found.
        info: the paper's identity, caveats and sources.
        tables: the paper's printed tables, id -> rows.
        bibtex: how to cite the paper.
        folder: created where missing; each file is written beside its place and then moved there.

    Returns:
        name -> path: `report` (HTML), `markdown`, `results` (CSV) and `figures` (the folder).
    """
    plots = draw(record)
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    files = {figures / f"{plot.name}.svg": plot.svg for group in plots.values() for plot in group}
    for path in set(figures.glob("*.svg")) - set(files):
        path.unlink()
    paths = {"report": folder / "report.html", "markdown": folder / "report.md", "results": folder / "results.csv"}
    files[paths["report"]] = render_html(record, info=info, tables=tables, bibtex=bibtex, plots=plots)
    files[paths["markdown"]] = render_markdown(record, info=info, tables=tables, bibtex=bibtex, plots=plots)
    files[paths["results"]] = tidy_csv(record)
    for path, text in files.items():
        _write(path, text)
    return paths | {"figures": figures}


def render_html(
    record: Record, *, info: PaperInfo, tables: Tables, bibtex: str, plots: Mapping[str, Sequence[Plot]]
) -> str:
    """Return the report as one page without outside references except links: styles and figures are inside it."""
    made = environment(html=True)
    made.filters["themed"] = lambda plot: Markup(themed(plot))
    return made.get_template("report.html.jinja").render(content(record, info, tables, bibtex, plots))


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(path)
