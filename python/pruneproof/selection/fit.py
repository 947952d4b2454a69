"""Survivors of each tensor: what rules answer, whether floors can be met, and floors under an allocation."""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

import numpy as np

from pruneproof.errors import BadPlugin, InfeasibleSelection
from pruneproof.selection.rounding import proportional


def limit_floors(floors: Mapping[str, int], available: Mapping[str, int], keep: int, size: int) -> dict[str, int]:
    """Return min(floor, available) of each tensor, once it is sure that together they fit into `keep`.

    >>> limit_floors({"a": 2, "b": 2}, {"a": 4, "b": 1}, keep=3, size=5)
    {'a': 2, 'b': 1}

    Args:
        floors: name -> minimum survivors; 0 where a name is missing.
        available: name -> units that can survive.
        keep: survivors in all.
        size: units in all, for the message.

    Raises:
        InfeasibleSelection: the floors exceed `keep`; the message gives the sparsity that would do, and the floor if
            it is the same for all.
    """
    limited = {name: min(floors.get(name, 0), most) for name, most in available.items()}
    needed = sum(limited.values())
    if needed <= keep:
        return limited
    listed = ", ".join(f'"{name}" {least}' for name, least in list(limited.items())[:6])
    more = f" and {len(limited) - 6} more" if len(limited) > 6 else ""
    label, advice = "these floors protect", ""
    if len(set(floors.values())) == 1:
        floor = next(iter(floors.values()))
        held = [most for name, most in available.items() if name in floors]
        feasible = (
            bisect_right(range(max(held) + 1), keep, key=lambda least: sum(min(least, most) for most in held)) - 1
        )
        label, advice = f"a floor of {floor} protects", f", or the floor to at most {feasible}"
    raise InfeasibleSelection(
        f"{label} {needed} weights ({listed}{more}) but only {keep} of {size} may be kept. "
        f"Lower the sparsity to at most {(size - needed) / size:.6g}{advice}."
    )


def fit(
    counts: Mapping[str, int], floors: Mapping[str, int], available: Mapping[str, int], keep: int
) -> dict[str, int]:
    """Move an allocation between the floors and what is available, and keep its total.

    Counts outside the bounds go to the nearest bound. What that takes too much (too little) is given back by (to) all
    tensors in proportion to their distance from the floor (from what is available), by largest remainder.

    >>> fit({"a": 0, "b": 6, "c": 3}, {"a": 2, "b": 2, "c": 2}, {"a": 9, "b": 9, "c": 9}, keep=9)
    {'a': 2, 'b': 4, 'c': 3}
    """
    inside = {name: min(max(count, floors[name]), available[name]) for name, count in counts.items()}
    surplus = sum(inside.values()) - keep
    if surplus >= 0:
        cuts = proportional({name: count - floors[name] for name, count in inside.items()}, surplus)
        return {name: count - cuts[name] for name, count in inside.items()}
    gains = proportional({name: available[name] - count for name, count in inside.items()}, -surplus)
    return {name: count + gains[name] for name, count in inside.items()}


def checked_counts(label: str, counts: Any, sizes: Mapping[str, int], keep: int | None = None) -> dict[str, int]:
    """Return what a rule answered: a number for each tensor, no more than it has, and `keep` in all unless None.

    Raises:
        BadPlugin: it answered otherwise; `label` names it.
    """
    if not isinstance(counts, Mapping):
        raise BadPlugin(f"{label} answered {type(counts).__name__}; a mapping from names to numbers was expected.")
    if set(counts) != set(sizes):
        raise BadPlugin(f"{label} answered for {sorted(map(str, counts))}; {sorted(sizes)} were asked.")
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 0 <= count <= sizes[name]:
            raise BadPlugin(
                f'{label} keeps {count!r:.40} weights of "{name}"; a whole number from 0 to {sizes[name]}, which it '
                "has, was expected."
            )
    found = {name: int(count) for name, count in counts.items()}
    if keep is not None and sum(found.values()) != keep:
        raise BadPlugin(f"{label} keeps {sum(found.values())} weights in all; {keep} were to be kept.")
    return found
