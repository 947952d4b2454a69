"""Numbers that the paper prints, for a panel of their own beside what was measured here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pruneproof.api import BadConfig, UnknownName, drawing

_NEEDED = ("table", "of", "x", "y", "lines", "note")
_OPTIONAL: Mapping[str, Any] = {"x_is": "percent", "where": {}, "runs": (), "by": "paper", "how": "printed"}
_AS_FRACTION: Mapping[str, Callable[[float], float]] = {
    "percent": lambda x: x / 100,
    "fraction": lambda x: x,
    "left": lambda x: 1 - x,
}
"""What the column of x holds -> the fraction that our axis has."""


@dataclass(frozen=True)
class Printed:
    """Series out of a printed table, under the names that ours have."""

    title: str
    """Above the panel: whose numbers, of which network on which data, and how they were come by."""
    words: str
    """What the caption says: where the numbers are from, and what differs."""
    lines: Mapping[str, Mapping[float, float]]
    """Name -> x -> y."""
    levels: Mapping[str, float]
    """Name -> y of a row that has no x."""

    @property
    def names(self) -> list[str]:
        """Of all lines."""
        return [*self.lines]

    @property
    def x(self) -> list[float]:
        """The places of all points."""
        return [x for points in self.lines.values() for x in points]

    @property
    def y(self) -> list[float]:
        """All heights."""
        return [*(y for points in self.lines.values() for y in points.values()), *self.levels.values()]


def printed_beside(declared: Sequence[Any], table: drawing.Table) -> list[Printed]:
    """Return the printed series that stand beside the runs of a table; all are checked.

    Each is declared by a TOML table: `table` and its columns `x` and `y`; `lines`, our name -> column -> text of the
    rows that belong to it; `of`, the network and the data; `note`, a sentence on what differs; and where it is not as
    usual `x_is` (`percent`, `fraction`, or `left` for the fraction that is left), `where` (column -> text of all rows),
    `runs` (beside which it stands), `by` (whose numbers they are) and `how` (they were come by).

    Raises:
        UnknownName: a key, table, column or run that does not exist.
        BadConfig: a key is missing, a line has no row or two for one x, or a cell is no number.
    """
    if not isinstance(declared, list | tuple):
        raise BadConfig(f"printed is {declared!r}; a list of tables was expected. Write printed = [{{ table = ... }}].")
    here = {*table.distinct("run")}
    every = [(keys["runs"], _read(keys, table)) for keys in (_checked(each, table) for each in declared)]
    return [read for runs, read in every if not runs or here & {*runs}]


def _checked(declared: Any, table: drawing.Table) -> dict[str, Any]:
    """Return all keys of a declaration."""
    if not isinstance(declared, Mapping):
        raise BadConfig(f"printed has {declared!r}; a table with {', '.join(_NEEDED)} was expected.")
    for key in declared:
        if key not in (*_NEEDED, *_OPTIONAL):
            raise UnknownName.among("key of printed", key, [*_NEEDED, *_OPTIONAL])
    if missing := [key for key in _NEEDED if not declared.get(key)]:
        raise BadConfig(f"printed lacks {', '.join(missing)}; it needs {', '.join(_NEEDED)}. Add what is missing.")
    keys = {**_OPTIONAL, **declared}
    for run in keys["runs"]:
        if run not in table.runs:
            raise UnknownName.among("run", run, table.runs)
    if keys["x_is"] not in _AS_FRACTION:
        raise UnknownName.among("x_is", keys["x_is"], _AS_FRACTION)
    return keys


def _read(keys: Mapping[str, Any], table: drawing.Table) -> Printed:
    lines: dict[str, dict[float, float]] = {}
    levels: dict[str, float] = {}
    for name, own in keys["lines"].items():
        wanted = {**keys["where"], **own}
        found = table.printed_rows(keys["table"], wanted, (keys["x"], keys["y"]))
        rows = [row for row in found if row[keys["y"]]]
        if not rows:
            raise BadConfig(f"table {keys['table']} has no row with {_said(wanted)} for {name}. Correct what is asked.")
        for row in rows:
            y = _number(row, keys["y"], keys["table"])
            if not row[keys["x"]]:
                levels[name] = y
                continue
            x = round(_AS_FRACTION[keys["x_is"]](_number(row, keys["x"], keys["table"])), 12)
            points = lines.setdefault(name, {})
            if x in points:
                asked = f"table {keys['table']} has two rows with {_said(wanted)} at {keys['x']} {row[keys['x']]}"
                raise BadConfig(f"{asked} for {name}; one was expected. Ask for more columns.")
            points[x] = y
    title = f"{keys['by']}: {keys['of']} ({keys['how']})"
    words = f'Below, hollow, on an axis of its own: "{title}", table {keys["table"]}. {keys["note"]}'
    return Printed(title, words, {name: dict(sorted(points.items())) for name, points in lines.items()}, levels)


def _number(row: Mapping[str, str], column: str, table: str) -> float:
    try:
        return float(row[column])
    except ValueError:
        raise BadConfig(f"table {table}, column {column}: {row[column]!r} is no number. Name another column.") from None


def _said(wanted: Mapping[str, Any]) -> str:
    return ", ".join(f"{column} {text}" for column, text in wanted.items())
