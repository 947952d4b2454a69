"""`replay`: run a paper, write its record and its report, and say on standard error how far it is."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Record
from pruneproof.pipeline.prepare import Request, prepare
from pruneproof.pipeline.run import report_folder, run_paper
from pruneproof.pipeline.store import Store
from pruneproof.registry.catalog import Catalog
from pruneproof.report.figures import try_figures
from pruneproof.report.html import render
from pruneproof.runs.progress import progress_of
from pruneproof.values.opening import refuse_links
from pruneproof.values.visible import one_line


@dataclass(frozen=True)
class Replayed:
    """What came of a request."""

    record: Record
    paper: Paper
    catalog: Catalog
    files: Mapping[str, Path]
    """What was written: `report`, `markdown`, `results`, `figures` and `record`."""


def replay(request: Request, *, quiet: bool = False) -> Replayed:
    """Run what is left of a request, judge its claims, and write record and report into the store.

    Args:
        request: the paper, its profile, and what differs from it.
        quiet: say nothing on standard error but what observers that fail are told of.

    Raises:
        PruneproofError: anything wrong with names, configs, plugins or data, or that a stage refused; what was
            finished is kept.
    """

    def log(line: str) -> None:
        if not quiet:
            print(one_line(line), file=sys.stderr)

    prepared = prepare(request, fetch=True, log=log)
    try_figures(prepared.paper, prepared.catalog)
    plan = prepared.plan
    log(
        f"{plan.paper} at {plan.profile} on {prepared.device}, numerics {prepared.numerics.id}: "
        f"{len(plan.stages)} stages, {len(prepared.todo)} to run, "
        f"{request.workers} worker{'s' if request.workers > 1 else ''}"
    )
    with progress_of(plan, prepared.todo, quiet=quiet) as on_event:
        record = run_paper(prepared, on_event, lambda line: print(one_line(f"repro: {line}"), file=sys.stderr))
    folder = report_folder(request.store, record)
    with Store(request.store).writing():
        refuse_links(folder, request.store)
        record.save(folder / "record.json")
        files = render(record, prepared.paper, prepared.catalog, folder)
    return Replayed(record, prepared.paper, prepared.catalog, {**files, "record": folder / "record.json"})
