"""`repro verify`: run a recorded run's stages again and compare digests and verdicts."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pruneproof.cli.options import (
    DataOption,
    Device,
    JsonOption,
    OnlyOption,
    ProfileOption,
    StoreOption,
    WorkersOption,
    print_json,
    to_path,
)
from pruneproof.cli.output import console, say
from pruneproof.errors import BadOption
from pruneproof.runs.places import data_path, default_workers, store_path

if TYPE_CHECKING:
    from pruneproof.papers.record import Record
    from pruneproof.papers.registration import Registered
    from pruneproof.pipeline.verify import Verified

SHOWN = 20
"""How many differences are printed."""


def verify(
    record: Annotated[str, typer.Argument(metavar="PAPER|RECORD", help="A paper's last run, or a record.json.")],
    profile: ProfileOption = "mini",
    only: OnlyOption = None,
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, metavar="N", help="Only N stages, always the same, with their needs."),
    ] = None,
    workers: WorkersOption = None,
    store: StoreOption = None,
    data_dir: DataOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
    json: JsonOption = False,
) -> int:
    """Re-execute a recorded run's stages in an empty store; compare the digests of all outputs, and the verdicts.

    Exit status: 0 all digests agree, 1 one differs, 2 none differs and a stage could not run.
    """
    from pruneproof.papers.installed import open_paper
    from pruneproof.papers.record import Record
    from pruneproof.pipeline.prepare import Request, prepare
    from pruneproof.pipeline.run import last_record
    from pruneproof.pipeline.verify import choose_stages, verify_record
    from pruneproof.runs.progress import progress_of

    if Path(record).suffix == ".json":
        path = to_path(record)
    else:
        path = last_record(store_path(store), open_paper(record).info.id, profile)
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
            numerics=recorded.numerics,
            only=recorded.only,
            settings=recorded.variant,
            added=tuple(each.name for each in foreign if not each.is_file),
            files=tuple(Path(each.origin) for each in foreign if each.is_file),
            workers=default_workers(device.value, workers),
        )
        prepared = prepare(request, fetch=True)
        if prepared.plan.digest != recorded.plan:
            raise BadOption(
                f"record {path} was made from plan {recorded.plan[:16]}, and this installation plans "
                f"{prepared.plan.digest[:16]} for the same request: the paper's files, the data or the code have "
                "changed since. Install the versions that the record names, or run the paper again."
            )
        chosen = choose_stages(prepared, tuple(only or ()), sample)
        with progress_of(prepared.plan, chosen, quiet=quiet or json) as on_event:
            found = verify_record(recorded, prepared, chosen, on_event)
    if json:
        print_json(_as_json(path, recorded, found))
    else:
        _print(path, recorded, found)
    return 1 if found.comparison.differences else 2 if found.obstacle else 0


def _as_json(path: Path, recorded: "Record", found: "Verified") -> dict[str, Any]:
    comparison, verdicts = found.comparison, found.verdicts
    differences = [vars(each) for each in comparison.differences]
    return {
        "record": str(path),
        "numerics": recorded.numerics,
        "stages": comparison.kinds,
        "compared": comparison.digests,
        "differences": differences,
        "first difference": differences[0] if differences else None,
        "machine": {name: {"recorded": old, "here": new} for name, (old, new) in found.machine.items()},
        "verdicts": verdicts
        and {
            "judged": verdicts.judged,
            "differences": {
                claim: {"recorded": old, "found": new} for claim, (old, new) in verdicts.differences.items()
            },
        },
        "registration": found.registered and vars(found.registered),
        "could not run": found.obstacle,
    }


def _print(path: Path, recorded: "Record", found: "Verified") -> None:
    from rich.table import Table

    from pruneproof.pipeline.compare import OUTCOMES

    comparison, verdicts = found.comparison, found.verdicts
    for each in comparison.differences[:SHOWN]:
        say(f"differs: {each.stage} {each.output}: recorded {each.recorded[:16]}, found {each.found[:16]}")
    if len(comparison.differences) > SHOWN:
        say(f"... and {len(comparison.differences) - SHOWN} more, which --json lists")
    table = Table("stages", *OUTCOMES, box=None, pad_edge=False)
    for kind, counts in comparison.kinds.items():
        table.add_row(kind, *(str(counts[outcome]) for outcome in OUTCOMES))
    console().print(table)
    if found.obstacle:
        say(f"could not run: {found.obstacle}")
    if comparison.differences:
        first = comparison.differences[0]
        say(f"first difference: {first.kind} {first.stage}, {first.output}")
    for name, (old, new) in found.machine.items():
        say(f"{name}: recorded {old}, here {new}")
    say(f"numerics class: {recorded.numerics}")
    agree = comparison.digests - len(comparison.differences)
    say(f"{path}: {agree} of {comparison.digests} digests agree")
    if verdicts is None:
        say("a variant has no verdicts")
        return
    say(_registration(found.registered))
    if not verdicts.judged:
        say("no verdict was compared: of no claim were all networks made again")
        return
    for claim, (old, new) in verdicts.differences.items():
        say(f"verdict differs: {claim}: recorded {old}, found {new}")
    say(f"{verdicts.judged - len(verdicts.differences)} of {verdicts.judged} verdicts agree")


def _registration(found: "Registered | None") -> str:
    """Say whether the claims of this installation are those that the record registered."""
    if found is None:
        return "the record does not say which claims were registered"
    if found.agrees:
        return "registered claims: those of this installation"
    if found.is_old_part_same:
        return f"registered claims: those of this installation, to which were added since: {', '.join(found.new)}"
    told = [f"new: {', '.join(found.new)}"] if found.new else []
    told += [f"changed: {', '.join(found.changed)}"] if found.changed else []
    told = told or [
        "the record does not tell which: other seeds or requirements, or another form of a claim that is post hoc now"
    ]
    return f"the claims of this installation are not those that were registered; {'; '.join(told)}"
