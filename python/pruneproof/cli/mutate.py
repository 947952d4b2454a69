"""`repro mutate PAPER`: mistakes put into a paper's plan, and which claims notice them."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pruneproof.cli.options import (
    DataOption,
    Device,
    DeviceOption,
    JsonOption,
    OnlyOption,
    Paper,
    ProfileOption,
    SeedsOption,
    WorkersOption,
    parse_seeds,
    print_json,
    to_folder,
)
from pruneproof.cli.output import console, tell
from pruneproof.errors import BadOption, UnknownName
from pruneproof.runs.places import data_path, default_workers, store_path

if TYPE_CHECKING:
    from pruneproof.contracts.executor import OnEvent
    from pruneproof.pipeline.mutants import Mutant
    from pruneproof.pipeline.mutate import Mutation
    from pruneproof.pipeline.prepare import Prepared


def mutate(
    paper: Paper,
    profile: ProfileOption = "mini",
    mutant: Annotated[
        list[str] | None, typer.Option("--mutant", metavar="ID", help="Only these mutants; all when left out.")
    ] = None,
    seeds: SeedsOption = None,
    device: DeviceOption = Device.AUTO,
    only: OnlyOption = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="RUN.KEY=VALUE", help="Change a value of a run, to be quick.")
    ] = None,
    workers: WorkersOption = None,
    store: Annotated[
        Path | None,
        typer.Option(
            "--store",
            metavar="DIR",
            help="Where stages are kept; a folder that is deleted, if left out.",
            parser=to_folder,
        ),
    ] = None,
    data_dir: DataOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    json: JsonOption = False,
) -> int:
    """Put one mistake at a time into a paper's plan, run it, and say which claims change.

    Exit status: 0 every re-run claim that mutants reach is changed by one, 1 one is not, 64 and up for misuse.
    """
    from pruneproof.pipeline.mutate import run_mutants
    from pruneproof.pipeline.prepare import Request, prepare

    chosen = _chosen(mutant or [])
    with ExitStack() as stack:
        folder = _own(store) if store else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pruneproof-")))
        request = Request(
            paper=paper,
            profile=profile,
            store=folder,
            data=data_path(data_dir),
            seeds=parse_seeds(seeds),
            device=device.value,
            only=tuple(only or ()),
            settings=tuple(settings or ()),
            workers=default_workers(device.value, workers),
        )
        silent = quiet or json
        found = run_mutants(prepare(request, fetch=True), chosen, lambda name, plan: _progress(name, plan, silent))
    if json:
        print_json(_content(found))
    else:
        _print(found)
    reruns = {each.id for each in found.judged if each.kind == "re-run"}
    return 1 if reruns.intersection(found.unchanged) else 0


def _chosen(names: list[str]) -> "list[Mutant]":
    from pruneproof.pipeline.mutants import MUTANTS

    known = {each.id: each for each in MUTANTS}
    for name in names:
        if name not in known:
            raise UnknownName.among("mutant", name, known, where="--mutant")
    return [each for each in MUTANTS if not names or each.id in names]


def _own(folder: Path) -> Path:
    """Return the folder's path.

    Raises:
        BadOption: runs of papers are kept there.
    """
    path, named = store_path(folder), os.environ.get("PRUNEPROOF_STORE")
    users = {store_path(None), store_path(Path(named) if named else None)}
    if path in users or any((path / "reports").glob("*/*/record.json")):
        raise BadOption(
            f"--store {folder}: runs of papers are kept there, and mutated ones do not belong among them. Name another "
            "folder, or leave --store out."
        )
    return path


@contextmanager
def _progress(name: str, prepared: "Prepared", silent: bool) -> "Iterator[OnEvent]":
    from pruneproof.runs.progress import progress_of

    if not silent:
        tell(f"{name}: {len(prepared.plan.stages)} stages, {len(prepared.todo)} to run")
    with progress_of(prepared.plan, prepared.todo, quiet=silent) as on_event:
        yield on_event


def _content(found: "Mutation") -> dict[str, Any]:
    return {
        "claims": [
            {
                "id": claim.id,
                "kind": claim.kind,
                "verdict": claim.verdict,
                "value": claim.value,
                "low": claim.low,
                "high": claim.high,
                "mutants": {
                    trial.mutant.id: {
                        "state": trial.states[claim.id],
                        **({"verdict": now.verdict, "value": now.value} if (now := trial.claims.get(claim.id)) else {}),
                    }
                    for trial in found.trials
                    if claim.id in trial.states
                },
            }
            for claim in found.judged
        ],
        "mutants": [
            {"id": each.mutant.id, "about": each.mutant.about, "chance": each.mutant.is_chance, "reason": each.reason}
            for each in found.trials
        ],
        "killing": found.killing,
        "unchanged": found.unchanged,
        "untouched": found.untouched,
        "chance": found.chance,
    }


MARKS = {
    "killed": "[bold green]killed[/]",
    "moved": "[yellow]moved[/]",
    "survived": "survived",
    "untouched": "[dim]–[/]",
}


def _print(found: "Mutation") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    out = console()
    table = Table("claim", "verdict", *(each.mutant.id for each in found.trials), box=SIMPLE_HEAD)
    for claim in found.judged:
        marks = [MARKS[trial.states[claim.id]] if claim.id in trial.states else "?" for trial in found.trials]
        table.add_row(claim.id, claim.verdict, *map(Text.from_markup, marks))
    out.print(table)
    for trial in found.trials:
        if trial.reason:
            out.print(f"{trial.mutant.id} (?) did not run: {trial.reason}", soft_wrap=True)
    for line in _summary(found):
        out.print(line, soft_wrap=True, highlight=False)


def _summary(found: "Mutation") -> Iterator[str]:
    names = ", ".join(found.unchanged) or "none"
    yield f"{len(found.judged)} claims: {len(found.killing)} kill at least one mutant; not changed by any: {names}."
    if found.untouched:
        yield f"No mutant reaches: {', '.join(found.untouched)}."
    if found.chance:
        yield f"Other seeds alone change the verdict, so a kill says little: {', '.join(found.chance)}."
