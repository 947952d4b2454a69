"""`repro compare RECORD...`: the verdicts of several records side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pruneproof.cli.options import JsonOption, print_json, to_path
from pruneproof.cli.output import console

if TYPE_CHECKING:
    from pruneproof.papers.record import Record
    from pruneproof.papers.side_by_side import Row


def compare(
    records: Annotated[
        list[Path], typer.Argument(metavar="RECORD...", help="Two or more record.json of one profile.", parser=to_path)
    ],
    json: JsonOption = False,
) -> int:
    """Set the verdicts of records of one profile side by side, of other machines or seeds, and name the contested ones.

    Exit status: 0 all verdicts agree, 1 one is contested.
    """
    from pruneproof.papers.record import Record
    from pruneproof.papers.side_by_side import side_by_side

    found = [Record.load(path) for path in records]
    rows = side_by_side(found)
    contested = [row for row in rows if row.contested]
    if json:
        print_json(
            {
                "records": [_facts(path, record) for path, record in zip(records, found, strict=True)],
                "claims": [{"id": row.id, "verdicts": row.verdicts, "contested": row.contested} for row in rows],
            }
        )
    else:
        _print(records, found, rows)
    return 1 if contested else 0


def _facts(path: Path, record: "Record") -> dict[str, object]:
    environment = record.environment
    return {
        "file": str(path),
        "processor": environment.get("processor"),
        "device": environment["device"],
        "torch": environment.get("versions", {}).get("torch"),
        "plan": record.plan,
        "seeds": record.seeds,
        "created": record.created,
    }


def _print(paths: "list[Path]", records: "list[Record]", rows: "list[Row]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from pruneproof.report.wording import SYMBOLS, figure_with_spread

    out = console()
    for number, (path, record) in enumerate(zip(paths, records, strict=True), 1):
        facts = _facts(path, record)
        out.print(
            f"{number}: {facts['processor']}, {facts['device']}, torch {facts['torch']}, plan {record.plan[:16]}, "
            f"{len(record.seeds)} seeds, {record.created}  ({path.name})",
            highlight=False,
            soft_wrap=True,
        )
    if len({record.plan for record in records}) > 1:
        out.print("The plans differ: networks, seeds or settings are not the same in all of them.", style="yellow")
    contested = [row for row in rows if row.contested]
    if contested:
        table = Table("contested", *map(str, range(1, len(records) + 1)), box=SIMPLE_HEAD)
        for row in contested:
            cells = [
                "" if claim is None else f"{SYMBOLS[claim.verdict]} {claim.verdict}\n{figure_with_spread(claim)}"
                for claim in row.claims
            ]
            table.add_row(row.id, *cells)
        out.print(table)
    both = sum(row.judged > 1 for row in rows)
    agreeing = both - len(contested)
    counts = f"{agreeing} verdicts agree, contested: {len(contested)}."
    out.print(f"{both} claims were judged more than once: {counts}", soft_wrap=True)
