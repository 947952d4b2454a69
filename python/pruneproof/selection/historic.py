"""A published code's rule, applied to the tensors of one selection."""

import numpy as np
from numpy.typing import NDArray

from pruneproof.api import Selection
from pruneproof.errors import BadTensor
from pruneproof.selection.arrays import Array, Flat
from pruneproof.selection.floors import released_masks
from pruneproof.selection.presets import PRESETS, check_rule
from pruneproof.values.masks import MaskSet


def historic_bits(
    flat: Flat, selection: Selection, sparsity: float, alive: MaskSet | None
) -> dict[str, NDArray[np.uint8]]:
    """Return packed masks by the rule that `selection` names; tensors follow each other in name order.

    With `alive`, the rule sees only the weights that are left, and the fraction of them that leads to `sparsity`.

    Raises:
        UnknownName: the preset is not known.
        BadConfig: the rule cannot be joined with the scope, floor or mask so far.
        BadTensor: NaN.
        InfeasibleSelection: the rule has no answer.
    """
    check_rule(selection, joined=alive is not None)
    numbers = dict(sorted(flat.numbers().items()))
    _refuse_nan(numbers)
    left = {
        name: np.ones(array.size, np.bool_) if alive is None else alive.array(name).reshape(-1)
        for name, array in numbers.items()
    }
    candidates = {name: array[left[name]] for name, array in numbers.items() if left[name].any()}
    if not candidates:
        return {name: np.packbits(flags, bitorder="little") for name, flags in left.items()}
    if alive is not None:
        size = sum(array.size for array in numbers.values())
        sparsity = max(0.0, 1.0 - (1.0 - sparsity) * size / sum(array.size for array in candidates.values()))
    if selection.floor_mode == "released":
        kept = released_masks(candidates, sparsity, selection.floor)
    else:
        kept = next(preset for preset in PRESETS if preset.id == selection.preset).masks(candidates, sparsity)
    for name, flags in kept.items():
        left[name][left[name]] = flags
    return {name: np.packbits(flags, bitorder="little") for name, flags in left.items()}


def _refuse_nan(numbers: dict[str, Array]) -> None:
    for name, array in numbers.items():
        places = np.flatnonzero(np.isnan(array))
        if places.size:
            raise BadTensor(f'the scores of "{name}" hold NaN at flat index {places[0]}; NaN has no rank.')
