"""`grid`: one table in a TOML list that stands for many.

A table of a list (a method, an operand, a claim) with the key `grid`, a table of lists, stands for one table per
combination of their values. In its strings `{name}` is replaced by the value; a string that is nothing but `{name}`
becomes the value itself, a number for instance. Combinations come in the order of the file, the last list running
fastest.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pruneproof.errors import BadConfig
from pruneproof.papers.locate import KeyPath

Values = Mapping[str, Any]


def expand(content: Any, lines: Mapping[KeyPath, int], file: object = "TOML") -> tuple[Any, dict[KeyPath, int]]:
    """Return the content of a `file` with its grids written out, and the line of each key in it.

    >>> table = {"methods": [{"method": "lm-{steps}", "steps": "{steps}", "grid": {"steps": [1, 14]}}]}
    >>> expand(table, {})[0]
    {'methods': [{'method': 'lm-1', 'steps': 1}, {'method': 'lm-14', 'steps': 14}]}

    Raises:
        BadConfig: a grid is no table of lists.
    """
    found: dict[KeyPath, int] = {}

    def node(value: Any, old: KeyPath, new: KeyPath, known: Values) -> Any:
        if old in lines:
            found[new] = lines[old]
        if isinstance(value, dict):
            return {key: node(each, (*old, key), (*new, key), known) for key, each in value.items()}
        if isinstance(value, list):
            copies = [
                (place, *copy)
                for place, item in enumerate(value)
                for copy in _copies(item, known, f"{file}, line {lines.get((*old, place), 1)}")
            ]
            return [
                node(item, (*old, place), (*new, number), each) for number, (place, item, each) in enumerate(copies)
            ]
        return _replaced(value, known) if isinstance(value, str) else value

    return node(content, (), (), {}), found


def _copies(item: Any, known: Values, where: str) -> Iterator[tuple[Any, Values]]:
    """Yield a list's item once for each combination of its grid, with all values known inside it."""
    if not isinstance(item, dict) or "grid" not in item:
        yield item, known
        return
    grid = item["grid"]
    if not isinstance(grid, dict) or not all(isinstance(each, list) and each for each in grid.values()):
        raise BadConfig(
            f"{where}: grid is {grid!r}; a table of lists was expected, as in grid = {{ steps = [1, 14] }}."
        )
    rest = {key: each for key, each in item.items() if key != "grid"}
    for values in itertools.product(*grid.values()):
        yield rest, {**known, **dict(zip(grid, values, strict=True))}


def _replaced(text: str, known: Values) -> Any:
    whole = re.fullmatch(r"\{(\w+)\}", text)
    if whole and whole[1] in known:
        return known[whole[1]]
    return re.sub(r"\{(\w+)\}", lambda each: _text(known[each[1]]) if each[1] in known else each[0], text)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
