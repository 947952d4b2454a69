"""What was measured, as tables for reading and as rows for other programs."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pruneproof.drawing.numbers import shown
from pruneproof.drawing.table import COLUMNS, END, Group, Quantity, Table
from pruneproof.papers.record import Cell, Record


@dataclass(frozen=True)
class ResultTable:
    """What a step of a run measured: a row for each method and sparsity, a column for each metric of one number."""

    at: str
    quantities: tuple[Quantity, ...]
    groups: tuple[Group, ...]

    @property
    def heads(self) -> list[str]:
        """The metrics with their units."""
        return [
            each.name if each.info.unit in ("", each.name) else f"{each.name} ({each.info.unit})"
            for each in self.quantities
        ]

    @property
    def rows(self) -> list[tuple[Group, list[str]]]:
        """Each group with the texts of its metrics; empty where something was not measured."""
        return [(group, [text_of(group, each) for each in self.quantities]) for group in self.groups]


def text_of(group: Group, quantity: Quantity) -> str:
    """Return mean ± standard deviation over seeds, or how many are true."""
    return shown([*group.values(quantity).values()], quantity.info.unit)


def result_tables(table: Table, run: str) -> list[ResultTable]:
    """Return a table for each step of a run that measures, the end first; steps that all methods share are left out."""
    rows = table.where({"run": run})
    found = [_of_step(rows, at) for at in rows.steps]
    return [each for place, each in enumerate(found) if each.quantities and (place == 0 or not _is_shared(each))]


def _of_step(table: Table, at: str) -> ResultTable:
    groups = tuple(group for group in table.groups if any(row.at == at for row in group.rows))
    return ResultTable(at, tuple(table.measured(at)), groups)


def _is_shared(table: ResultTable) -> bool:
    """Say whether every method has the same values, as those of the dense network that all start from."""
    return len(table.rows) > 1 and len({tuple(texts) for _, texts in table.rows}) == 1


def tidy_csv(record: Record, table: Table) -> str:
    """Return one row per network: run, method, sparsity, seed, its settings and metrics, and its last stage.

    A metric of the end is a column of its own name, one of another step of `step.metric`. Metrics per tensor are left
    to the record. An empty field is a value that was not measured.
    """
    settings = list(dict.fromkeys(name for cell in record.cells for name in cell.settings))
    fixed = [*COLUMNS, *settings]
    measured = {
        f"{at}.{each.name}" if at != END or each.name in fixed else each.name: (at, each.name)
        for at in table.steps
        for each in table.measured(at)
    }
    out = io.StringIO()
    writer = csv.DictWriter(out, [*fixed, *measured, "stage"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(cell, settings, measured) for cell in record.cells)
    return out.getvalue()


def _row(cell: Cell, settings: Sequence[str], measured: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    return {
        **{name: getattr(cell, name) for name in COLUMNS},
        **{name: cell.settings.get(name, "") for name in settings},
        **{head: cell.measured.get(at, {}).get(metric) for head, (at, metric) in measured.items()},
        "stage": cell.stages[-1],
    }
