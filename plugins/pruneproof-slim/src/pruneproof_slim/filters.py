"""Filters of a mask: slices along the first dimension."""

import numpy as np
from pruneproof.api import MaskSet


def whole_filters(masks: MaskSet) -> MaskSet:
    """Return the masks with every filter alive that has any weight alive; the others stay dead.

    It rounds up: no weight that was chosen is lost, and the sparsity falls by at most one filter per tensor where the
    scores were equal within filters (`filter_l1`).

    >>> cut = MaskSet.from_arrays({"fc": np.array([[1, 1], [0, 1], [0, 0]], dtype=bool)})
    >>> whole_filters(cut).array("fc").tolist()
    [[True, True], [True, True], [False, False]]
    """
    whole = {name: np.broadcast_to(_any_alive(masks, name), masks.shapes[name]) for name in masks}
    return MaskSet.from_arrays(whole)


def _any_alive(masks: MaskSet, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    shape = masks.shapes[name]
    return (masks.row_counts(name) > 0).reshape(-1, *[1] * (len(shape) - 1)) if shape else masks.array(name)
