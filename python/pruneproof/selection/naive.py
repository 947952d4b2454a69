"""The oracle: exact selection as one sort of tuples. Slow, and right at a glance."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Flags = dict[str, NDArray[np.bool_]]


def select(
    scores: Mapping[str, NDArray[Any]],
    keep: int,
    floors: Mapping[str, int] | None = None,
    alive: Mapping[str, NDArray[np.bool_]] | None = None,
) -> Flags | None:
    """Return which of the flat `scores` are kept, or None where that cannot be done.

    Candidates are the alive entries, ranked by (score descending, name ascending, index ascending). The first
    `floors[name]` of each tensor are kept, then the first of the others until there are `keep`.

    >>> select({"b": np.array([2.0, 1.0]), "a": np.array([1.0])}, 2)
    {'b': array([ True, False]), 'a': array([ True])}
    """
    ranking = sorted(
        (-float(score), name, index)
        for name, array in scores.items()
        for index, score in enumerate(array)
        if alive is None or alive[name][index]
    )
    kept: set[tuple[str, int]] = set()
    for floored, floor in (floors or {}).items():
        best = [(name, index) for _, name, index in ranking if name == floored]
        kept.update(best[:floor])
    others = [(name, index) for _, name, index in ranking if (name, index) not in kept]
    left = keep - len(kept)
    if not 0 <= left <= len(others):
        return None
    kept.update(others[:left])
    return {
        name: np.array([(name, index) in kept for index in range(array.size)], dtype=np.bool_)
        for name, array in scores.items()
    }
