"""`repro report PAPER`: render a recorded run again."""

from typing import Annotated

import typer

from pruneproof.cli.options import JsonOption, Paper, StoreOption, print_json
from pruneproof.cli.output import console, say
from pruneproof.runs.places import store_path


def report(
    paper: Paper,
    profile: Annotated[str, typer.Option("--profile", "-p", help="Which run of the paper.")] = "mini",
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Render the report of a paper's last run again from the store, without running anything."""
    from pruneproof.papers.installed import open_paper
    from pruneproof.papers.record import Record
    from pruneproof.pipeline.store import Store
    from pruneproof.registry.catalog import build_catalog
    from pruneproof.report.html import render
    from pruneproof.report.table import completed
    from pruneproof.values.opening import refuse_links

    found = open_paper(paper)
    root = store_path(store)
    folder = root / "reports" / found.info.id / profile
    catalog = build_catalog(found.info.plugins)
    record = completed(Record.load(folder / "record.json"), catalog)
    Store(root).check(stage.digest for stage in record.stages)
    with Store(root).writing():
        refuse_links(folder, root)
        paths = render(record, found, catalog, folder)
    if json:
        print_json({name: str(path) for name, path in paths.items()})
        return

    from pruneproof.report.terminal import print_record

    print_record(record, console())
    for name, path in paths.items():
        say(f"{name}: {path}")
