"""`repro verify`: run a recorded run's stages again and compare digests."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from pruneproof.cli.options import (
    DataOption,
    Device,
    JsonOption,
    ProfileOption,
    StoreOption,
    WorkersOption,
    data_path,
    default_workers,
    print_json,
    store_path,
)
from pruneproof.errors import BadOption


def verify(
    record: Annotated[str, typer.Argument(metavar="PAPER|RECORD", help="A paper's last run, or a record.json.")],
    profile: ProfileOption = "mini",
    workers: WorkersOption = None,
    store: StoreOption = None,
    data_dir: DataOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
    json: JsonOption = False,
) -> int:
    """Re-execute a recorded run's stages in an empty store and compare mask, measurement and fact digests.

    Exit status: 0 all digests agree, 1 one differs.
    """
    from pruneproof.cli.progress import progress_bars
    from pruneproof.papers.record import Record
    from pruneproof.pipeline.compare import compare
    from pruneproof.pipeline.prepare import Request, open_paper, prepare
    from pruneproof.pipeline.run import run_paper

    path = Path(record)
    if path.suffix != ".json":
        path = store_path(store) / "reports" / open_paper(record).info.id / profile / "record.json"
    recorded = Record.load(path)
    foreign = [plugin for plugin in recorded.plugins if plugin.is_file or plugin.role == "added"]
    device = Device.CPU if recorded.environment["device"] == "cpu" else Device.CUDA
    with tempfile.TemporaryDirectory(prefix="pruneproof-verify-") as folder:
        request = Request(
            paper=recorded.paper,
            profile=recorded.profile,
            store=Path(folder),
            data=data_path(data_dir),
            seeds=recorded.seeds_asked or None,
            device=device.value,
            only=recorded.only,
            settings=recorded.variant,
            added=tuple(each.name for each in foreign if not each.is_file),
            files=tuple(Path(each.origin) for each in foreign if each.is_file),
            workers=default_workers(device, workers),
        )
        prepared = prepare(request, fetch=True)
        if prepared.plan.digest != recorded.plan:
            raise BadOption(
                f"record {path} was made from plan {recorded.plan[:16]}, and this installation plans "
                f"{prepared.plan.digest[:16]} for the same request: the paper's files, the data or the code have "
                "changed since. Install the versions that the record names, or run the paper again."
            )
        with progress_bars(prepared.plan, prepared.todo, quiet=quiet or json) as on_event:
            again = run_paper(prepared, on_event)
    compared, differences = compare(recorded.stages, again.stages)
    if json:
        print_json({"record": str(path), "compared": compared, "differences": [vars(each) for each in differences]})
    else:
        for each in differences:
            print(f"differs: {each.stage} {each.output}: recorded {each.recorded[:16]}, found {each.found[:16]}")
        print(f"{path}: {compared - len(differences)} of {compared} digests agree")
    return 1 if differences else 0
