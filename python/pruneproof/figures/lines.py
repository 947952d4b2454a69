"""The rows of a table as lines over an axis, panel by panel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pruneproof.api import drawing
from pruneproof.figures.choosing import number


@dataclass
class Line:
    """The points of one line: x -> setting over which the best is sought -> numbers over seeds."""

    points: dict[float, dict[float, drawing.Numbers]] = field(default_factory=dict)
    doubled: bool = False
    """Whether several methods had the same place, of which the first is kept."""

    def add(self, x: float, setting: float, numbers: drawing.Numbers) -> None:
        """Add a point."""
        known = self.points.setdefault(x, {})
        self.doubled |= setting in known
        known.setdefault(setting, numbers)

    def plain(self) -> list[tuple[float, drawing.Numbers]]:
        """Return the points at the smallest setting, by x."""
        least = min(setting for known in self.points.values() for setting in known)
        return [(x, self.points[x][least]) for x in sorted(self.points) if least in self.points[x]]

    def best(self, sign: int) -> list[tuple[float, float]]:
        """Return x and the best mean over the settings: the largest for `sign` 1, the smallest for -1."""
        return [(x, sign * max(sign * each.mean for each in self.points[x].values())) for x in sorted(self.points)]


@dataclass(frozen=True)
class Level:
    """A mean that has no place on the x axis."""

    name: Any
    sparsity: float
    height: float


@dataclass(frozen=True)
class Lines:
    """All lines by panel and name, and the levels."""

    panels: dict[Any, dict[Any, Line]]
    levels: tuple[Level, ...]

    def __iter__(self) -> Iterator[Line]:
        """Return every line of every panel."""
        return (line for of_panel in self.panels.values() for line in of_panel.values())

    @property
    def keys(self) -> list[Any]:
        """What tells the panels apart, in order."""
        numbers = all(isinstance(key, int | float) for key in self.panels)
        return sorted(self.panels) if numbers else list(self.panels)

    @property
    def names(self) -> list[Any]:
        """The names of all lines and levels."""
        lines = [name for of_panel in self.panels.values() for name in of_panel]
        return list(dict.fromkeys([*lines, *(level.name for level in self.levels)]))

    def has_any(self) -> bool:
        """Say whether there is a line of two points."""
        return any(len(line.plain()) > 1 for line in self if line.points)


def lines_of(
    table: drawing.Table, x: drawing.Quantity, y: drawing.Quantity, line: str, panel: str, best_over: str
) -> Lines:
    """Return the lines of y against x.

    A group that lacks x or the setting `best_over` is a level, unless its name has a line as well: then it is a
    variation of that line which the figure does not show.
    """
    panels: dict[Any, dict[Any, Line]] = {}
    rest: list[Level] = []
    for group, numbers in table.over_seeds(y):
        place, name = number(group, x), group.column(line)
        key = group.column(panel) if panel else ""
        setting = group.column(best_over) if best_over else 0.0
        if name is None:
            continue
        if place is None or key is None or not isinstance(setting, int | float):
            rest.append(Level(name, group.sparsity, numbers.mean))
        else:
            panels.setdefault(key, {}).setdefault(name, Line()).add(place, setting, numbers)
    with_line = {name for of_panel in panels.values() for name in of_panel}
    levels = {(level.name, level.sparsity): level for level in reversed(rest) if level.name not in with_line}
    return Lines(panels, tuple(reversed(levels.values())))


def best_sign(quantity: drawing.Quantity) -> int:
    """Return 1 where larger is better, -1 where smaller is, 0 where neither."""
    return {"larger": 1, "smaller": -1, None: 0}[quantity.info.better]


def all_x(lines: Sequence[Line]) -> set[float]:
    """Return the places of all points."""
    return {x for line in lines for x in line.points}
