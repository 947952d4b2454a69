"""How a benchmark is shown while it runs, and how its record is written."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from machine import describe, slug
from rich.console import Console
from tables import table

Row = dict[str, Any]
Show = Callable[[str, list[Row]], None]
RECORDS = Path(__file__).parent / "records"
FORMAT = "pruneproof-bench/1"


def publish(measure: Callable[[Show], dict[str, list[Row]]], *, threads: str, prefix: str = "", record: bool) -> None:
    """Measure, print each table when it is whole, and write the record where one is asked for.

    Args:
        measure: returns name -> rows, and shows each table as soon as it has it.
        threads: in words, for the line above the tables.
        prefix: of the record's name, which goes on with machine and date.
        record: whether to write it.
    """
    console = Console(width=100, highlight=False)
    described = describe()
    console.print(
        f"{described['processor']}, {described['cores']} cores, {described['instruction_set']}, {threads}, "
        f"load {described['load_before'][0]} before; runs by turns\n"
    )
    tables = measure(lambda name, rows: console.print(table(name, rows), ""))
    missed = [row for rows in tables.values() for row in rows if row["met"] is False]
    console.print(f"{len(missed)} of {sum(map(len, tables.values()))} rows miss their target")
    if record:
        path = RECORDS / f"{prefix}{slug(described)}-{date.today().isoformat()}.json"
        path.parent.mkdir(exist_ok=True)
        written = {"format": FORMAT, "date": date.today().isoformat(), "machine": described} | tables
        path.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
        console.print(f"written: {path}")
