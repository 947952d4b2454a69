"""`repro run PAPER...`: replay pinned experiments and judge every claim."""

from typing import TYPE_CHECKING, Annotated

import typer

from pruneproof.cli.options import (
    DataOption,
    Device,
    DeviceOption,
    JsonOption,
    NumericsOption,
    OnlyOption,
    PluginOption,
    ProfileOption,
    SeedsOption,
    SetOption,
    StoreOption,
    WithOption,
    WorkersOption,
    parse_seeds,
    print_json,
)
from pruneproof.cli.output import console, say
from pruneproof.runs.places import data_path, default_workers, store_path

if TYPE_CHECKING:
    from pruneproof.papers.record import Record
    from pruneproof.pipeline.prepare import Request


def run(
    papers: Annotated[list[str], typer.Argument(metavar="PAPER...", help="Paper ids or arXiv numbers.")],
    profile: ProfileOption = "mini",
    seeds: SeedsOption = None,
    device: DeviceOption = Device.AUTO,
    numerics: NumericsOption = None,
    only: OnlyOption = None,
    settings: SetOption = None,
    with_: WithOption = None,
    plugin: PluginOption = None,
    executor: Annotated[str, typer.Option("--executor", metavar="ID", help="How stages are run.")] = "local",
    observe: Annotated[
        list[str] | None, typer.Option("--observe", metavar="ID", help="Tell an observer, such as a tracker.")
    ] = None,
    workers: WorkersOption = None,
    store: StoreOption = None,
    data_dir: DataOption = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress bars, no table: only where the report is.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Every claim with its interval and its reason.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Replay a paper's pinned experiments on real data and print a verdict for each of its claims.

    Exit status: 0 all tested claims hold, 1 one fails or is absent, 2 inconclusive or not run, 64 and up for misuse.
    """
    from pruneproof.pipeline.prepare import Request

    statuses: list[int] = []
    records: list[Record] = []
    for paper in papers:
        request = Request(
            paper=paper,
            profile=profile,
            store=store_path(store),
            data=data_path(data_dir),
            seeds=parse_seeds(seeds),
            device=device.value,
            numerics=numerics,
            only=tuple(only or ()),
            settings=tuple(settings or ()),
            added=tuple(with_ or ()),
            files=tuple(plugin or ()),
            executor=executor,
            observers=tuple(observe or ()),
            workers=default_workers(device.value, workers),
        )
        record = _run(request, quiet=quiet, verbose=verbose, json=json)
        records.append(record)
        statuses.append(exit_status(record))
    if json:
        contents = [record.model_dump(mode="json") for record in records]
        print_json(contents[0] if len(contents) == 1 else contents)
    return 1 if 1 in statuses else max(statuses)


def exit_status(record: "Record") -> int:
    """Return 0 when all tested claims hold, 1 when one fails or is absent, 2 when one is open or none was tested.

    Negative controls must fail, so they are left out.
    """
    claims = [claim for claim in record.claims if claim.strength != "negative-control"]
    verdicts = {claim.verdict for claim in claims}
    if verdicts & {"fails", "absent"}:
        return 1
    return 2 if "inconclusive" in verdicts or (claims and "holds" not in verdicts) else 0


def _run(request: "Request", *, quiet: bool, verbose: bool, json: bool) -> "Record":
    from pruneproof.runs.replay import replay

    run = replay(request, quiet=quiet or json)
    if json:
        return run.record
    if not quiet:
        from pruneproof.report.brief import print_brief
        from pruneproof.report.table import completed
        from pruneproof.report.terminal import print_record

        whole = completed(run.record, run.catalog)
        if verbose:
            print_record(whole, console())
        else:
            print_brief(whole, run.paper, console())
    for name, path in run.files.items():
        say(f"{name}: {path}")
    return run.record
