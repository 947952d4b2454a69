"""What was measured, as tables for reading and as CSV for other programs."""

import csv
import io
import re
from dataclasses import dataclass

from pruneproof.drawing.numbers import shown
from pruneproof.drawing.table import Group, Quantity, Table
from pruneproof.report.rows import Rows
from pruneproof.values.visible import visible

_FORMULA = re.compile(r"\s*([=@\uff1d\uff20]|[+\-\uff0b\uff0d].*([|!]|[A-Za-z]\())", re.DOTALL)
"""Full-width signs count: where these are typed, spreadsheets take them for the others."""


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


def tidy_csv(rows: Rows) -> str:
    """Return rows as CSV text; an empty field is a value that was not measured.

    A text that a spreadsheet would compute (`=cmd|...`, `+F(...)`) gets an apostrophe before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(_plain, rows.columns))
    writer.writerows([_plain(row[name]) for name in rows.columns] for row in rows)
    return out.getvalue()


def _plain(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if _FORMULA.match(text) else text
