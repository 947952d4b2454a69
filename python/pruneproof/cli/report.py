"""`repro report PAPER|RECORD`: render a record again, as a page or as what others work on with."""

from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pruneproof.cli.options import JsonOption, StoreOption, print_json, to_folder, to_path
from pruneproof.cli.output import console, say
from pruneproof.errors import StoreUnwritable
from pruneproof.runs.places import store_path

if TYPE_CHECKING:
    from pruneproof.papers.paper import Paper
    from pruneproof.papers.record import Record
    from pruneproof.registry.catalog import Catalog


class Format(StrEnum):
    """The forms of a report, those of `report/formats.py`."""

    HTML = "html"
    MD = "md"
    CSV = "csv"
    PARQUET = "parquet"
    LATEX = "latex"
    LOGBOOK = "logbook"


def report(
    record: Annotated[str, typer.Argument(metavar="PAPER|RECORD", help="A paper's last run, or a record.json.")],
    profile: Annotated[str, typer.Option("--profile", "-p", help="Which run of the paper.")] = "mini",
    format_: Annotated[
        Format | None, typer.Option("--format", "-f", help="One form alone; without it page, Markdown and results.")
    ] = None,
    claim: Annotated[
        list[str] | None, typer.Option("--claim", metavar="PATTERN", help="Only these in tables of claims: r2-*.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Where to write it.", show_default=False, parser=to_folder),
    ] = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Render the report of a paper's last run, or of any record, without running anything.

    html and md are the report; csv and parquet have a row per number that was measured and one per claim; latex is a
    table of claims, logbook a page for galleries of reproductions. A paper's report goes beside its record in the
    store, that of a record.json into the current folder.
    """
    from pruneproof.papers.findings import check_patterns
    from pruneproof.papers.installed import open_paper
    from pruneproof.papers.record import Record
    from pruneproof.pipeline.run import whole_folder
    from pruneproof.pipeline.store import Store
    from pruneproof.registry.catalog import build_catalog
    from pruneproof.report.table import completed

    root = store_path(store)
    patterns = tuple(claim or ())
    if Path(record).suffix == ".json":
        found = Record.load(to_path(record))
        paper = open_paper(found.paper)
        folder = Path.cwd()
    else:
        paper = open_paper(record)
        folder = whole_folder(root, paper.info.id, profile)
        found = Record.load(folder / "record.json")
        Store(root).check(stage.digest for stage in found.stages)
    check_patterns(patterns, found)
    catalog = build_catalog(paper.info.plugins)
    found = completed(found, catalog)
    paths = _write(found, paper, catalog, output or folder, root, format_, patterns)
    if json:
        print_json({name: str(path) for name, path in paths.items()})
        return
    if format_ is None:
        from pruneproof.report.terminal import print_record

        print_record(found, console())
    for name, path in paths.items():
        say(f"{name}: {path}")


def _write(
    record: "Record",
    paper: "Paper",
    catalog: "Catalog",
    folder: Path,
    root: Path,
    form: Format | None,
    patterns: tuple[str, ...],
) -> dict[str, Path]:
    """Write a report, whole or in one form, and return name -> path."""
    from pruneproof.pipeline.store import Store
    from pruneproof.report.formats import write_format
    from pruneproof.report.html import make_report, render
    from pruneproof.values.opening import refuse_links

    is_ours = folder.is_relative_to(root)
    try:
        with Store(root).writing() if is_ours else nullcontext():
            if is_ours:
                refuse_links(folder, root)
            if form is None:
                return render(record, paper, catalog, folder)
            written = write_format(make_report(record, paper, catalog), form.value, folder, patterns)
    except OSError as problem:
        raise StoreUnwritable(
            f"the report cannot be written into {folder}: {problem}. Choose another --output."
        ) from problem
    return {path.name: path for path in written}
