"""Units: from the scores of weights to one score per unit, and from living units to masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof import _engine
from pruneproof.contracts.selection import Reduction, Selection
from pruneproof.contracts.structure import Places, Structure
from pruneproof.errors import BadConfig, BadPlugin, BadTensor
from pruneproof.selection.amount import Amount
from pruneproof.selection.arrays import Tensor
from pruneproof.selection.candidates import Candidates
from pruneproof.selection.rank import Bits, rank
from pruneproof.selection.rules import Rules, ask
from pruneproof.values.masks import MaskSet

Numbers = NDArray[np.int64]


def places_of(
    structure: Structure,
    options: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    module: torch.nn.Module | None,
) -> dict[str, Places]:
    """Return the units of each tensor, as the structure says.

    Raises:
        BadConfig: a structure that looks at the network where there is none.
        BadPlugin: an answer that is neither sides nor numbers of units, or does not fit.
        BadTensor: sides that do not fit a tensor.
    """

    def network() -> torch.nn.Module:
        if module is None:
            raise BadConfig(
                f'the structure "{structure.id}" looks at the network, and here are only tensors. Pass the module.'
            )
        return module

    found = ask(structure.units, {"shapes": lambda: dict(shapes), "module": network}, options)
    for name, places in found.items():
        if name in shapes:
            _check_places(structure, name, places, shapes[name])
    if missing := sorted(set(shapes) - set(found)):
        raise BadPlugin(f'structure "{structure.id}" has no units of {missing}; every prunable tensor was asked for.')
    return dict(found)


def _check_places(structure: Structure, name: str, places: object, shape: tuple[int, ...]) -> None:
    if isinstance(places, tuple):
        if len(places) != len(shape):
            raise BadTensor(
                f'"{name}" has shape {shape}, which blocks of {len(places)} sides do not fit. Name it in `unprunable`.'
            )
    elif not isinstance(places, np.ndarray) or places.dtype.kind not in "iu":
        raise BadPlugin(
            f'structure "{structure.id}" describes the units of "{name}" by {type(places).__name__}; a tuple of '
            "sides or an integer array was expected."
        )
    else:
        try:
            np.broadcast_shapes(places.shape, shape)
        except ValueError:
            raise BadPlugin(
                f'structure "{structure.id}" numbers the units of "{name}" in shape {places.shape}, which does not '
                f"broadcast to {shape}."
            ) from None


def select_units(
    found: Candidates,
    amount: Amount,
    selection: Selection,
    rules: Rules,
    module: torch.nn.Module | None,
    weights: Mapping[str, Tensor] | None,
) -> tuple[Bits, dict[str, tuple[int, ...]], float | None]:
    """Return the packed masks of living units, the shapes of tensors beyond the candidates', and the threshold."""
    structure = rules.structure
    assert structure is not None
    places = places_of(structure, selection.structure.options, found.shapes, module)
    if structure.keep is not None:
        return _best_of_each(found, amount, structure, selection.structure.options, places), {}, None
    if all(isinstance(each, tuple) for each in places.values()):
        bits, threshold = _blocks(found, amount, selection, rules, places)
        return bits, {}, threshold
    return _numbered(found, amount, selection, rules, places, module)


def _blocks(
    found: Candidates, amount: Amount, selection: Selection, rules: Rules, places: Mapping[str, Places]
) -> tuple[Bits, float | None]:
    """Keep whole blocks of a regular grid, by the reduced scores of their weights."""
    sides = {name: tuple(max(1, int(side)) for side in each) for name, each in places.items()}
    shapes = {name: (found.shapes[name], each) for name, each in sides.items()}
    scores = _engine.block_scores(found.tensors, shapes, reduction=selection.reduce, **found.measure())
    alive = None
    if found.alive is not None:
        counts = {name: found.alive.block_counts(name, each) for name, each in sides.items()}
        alive = MaskSet.from_arrays({name: each > 0 for name, each in counts.items()})
        scores = {name: each.reshape(counts[name].shape) for name, each in scores.items()}
    bits, threshold = rank(Candidates(dict(scores), alive=alive), amount, selection, rules)
    masks = {name: _engine.mask_expand_blocks(bits[name], *shapes[name]) for name in scores}
    if found.alive is not None:
        masks = {name: mask & found.alive.packed(name) for name, mask in masks.items()}
    return masks, threshold


def _best_of_each(
    found: Candidates, amount: Amount, structure: Structure, options: Mapping[str, Any], places: Mapping[str, Places]
) -> Bits:
    """Keep the best N weights of every unit."""
    assert structure.keep is not None
    keep = structure.keep(**options)
    if amount.sparsity is not None or amount.keep is not None:
        raise BadConfig(
            f'the structure "{structure.id}" says how much is kept. Leave `sparsity`, `keep` and `floor` out.'
        )
    sides = {name: each for name, each in places.items() if isinstance(each, tuple)}
    axes = {name: [axis for axis, side in enumerate(each) if side != 1] for name, each in sides.items()}
    if len(sides) < len(places) or any(len(each) > 1 for each in axes.values()):
        return _best_of_numbered(found, keep, places)
    for name, shape in found.shapes.items():
        for axis in axes[name]:
            if shape[axis] % sides[name][axis]:
                raise BadTensor(
                    f'"{name}" has shape {shape}, which cannot be cut into groups of {sides[name][axis]} along '
                    f"dimension {axis}. Name it in `unprunable`, or choose another axis."
                )
    groups = {name: prod(each) for name, each in sides.items()}
    if all(axis == len(found.shapes[name]) - 1 for name, each in axes.items() for axis in each):
        return _engine.select_rows(
            found.tensors, {name: (group, keep) for name, group in groups.items()}, **found.measure()
        )[0]
    found.note_copies()
    bits: dict[str, NDArray[np.uint8]] = {}
    for axis in sorted({axis for each in axes.values() for axis in each}):
        bits |= _along(found, [name for name, each in axes.items() if axis in each], axis, keep, groups)
    rest = [name for name, each in axes.items() if not each]
    bits |= {name: np.packbits(np.full(found.sizes[name], keep > 0), bitorder="little") for name in rest}
    return {name: bits[name] for name in found.tensors}


def _along(
    found: Candidates, names: Sequence[str], axis: int, keep: int, groups: Mapping[str, int]
) -> dict[str, NDArray[np.uint8]]:
    """Keep the best `keep` of each group along one axis."""
    part = Candidates(
        {name: found.tensors[name] for name in names},
        found.score,
        None if found.gradients is None else {name: found.gradients[name] for name in names},
        found.alive,
    )
    moved = part.with_last(axis)
    rows = {name: (groups[name], keep) for name in names}
    try:
        bits = _engine.select_rows(moved.tensors, rows, **moved.measure())[0]
    except BadTensor:
        # Refused again, at the index in the tensor as it was passed.
        _engine.select_rows(part.tensors, dict.fromkeys(names, (1, 0)), **part.measure())
        raise
    masks = MaskSet(bits, moved.shapes)
    return {
        name: np.packbits(np.moveaxis(masks.array(name), -1, axis).reshape(-1), bitorder="little") for name in names
    }


def _best_of_numbered(found: Candidates, keep: int, places: Mapping[str, Places]) -> Bits:
    numbers = {name: numbers_of(each, found.shapes[name]) for name, each in places.items()}
    bits = {}
    for name, scores in _all_scores(found).items():
        units = np.broadcast_to(numbers[name], found.shapes[name]).reshape(-1)
        order = np.lexsort((np.arange(units.size), -scores, units))
        starts = np.flatnonzero(np.r_[True, np.diff(units[order]) != 0])
        rank_within = np.arange(units.size) - np.repeat(starts, np.diff(np.r_[starts, units.size]))
        kept = np.zeros(units.size, dtype=np.bool_)
        kept[order] = (rank_within < keep) & np.isfinite(scores[order])
        bits[name] = np.packbits(kept | (units < 0), bitorder="little")
    return bits


def numbers_of(places: Places, shape: tuple[int, ...]) -> Numbers:
    """Return the number of the unit at each place of a tensor, blocks numbered in the C order of their grid.

    >>> numbers_of((1, 2), (2, 3)).tolist()
    [[0, 0, 1], [2, 2, 3]]
    """
    if not isinstance(places, tuple):
        return np.asarray(places, dtype=np.int64)
    grid = [-(-size // max(1, side)) for size, side in zip(shape, places, strict=True)]
    numbers = np.zeros((1,) * len(shape), dtype=np.int64)
    for axis, (size, side) in enumerate(zip(shape, places, strict=True)):
        index = np.arange(size) // max(1, side)
        numbers = numbers * grid[axis] + index.reshape([-1 if each == axis else 1 for each in range(len(shape))])
    return numbers


@dataclass(frozen=True)
class _Home:
    """Where the units of a tensor are ranked: each in the first tensor that has it."""

    numbers: Numbers
    """Of its units, ascending."""
    scores: NDArray[np.float64]
    alive: NDArray[np.bool_]


def _numbered(
    found: Candidates,
    amount: Amount,
    selection: Selection,
    rules: Rules,
    places: Mapping[str, Places],
    module: torch.nn.Module | None,
) -> tuple[Bits, dict[str, tuple[int, ...]], float | None]:
    """Keep whole units that may span tensors, by the reduced scores of their weights."""
    assert rules.structure is not None
    shapes = dict(found.shapes)
    beyond = {name for name in places if name not in shapes}
    if beyond:
        assert module is not None  # only a structure that has seen the network can name other tensors
        state = module.state_dict()
        shapes |= {name: tuple(state[name].shape) for name in beyond}
    units = {name: np.broadcast_to(numbers_of(each, shapes[name]), shapes[name]) for name, each in places.items()}
    homes = _homes(found, units, selection.reduce)
    unscored = set(np.unique(np.concatenate([each.reshape(-1) for each in units.values()])).tolist()) - {-1}
    unscored -= {int(each) for home in homes.values() for each in home.numbers}
    if unscored:
        raise BadPlugin(
            f'structure "{rules.structure.id}" has {len(unscored)} units without a prunable weight, first '
            f"{min(unscored)}; nothing could score them."
        )
    pool = Candidates(
        {name: home.scores for name, home in homes.items()},
        alive=MaskSet.from_arrays({name: home.alive for name, home in homes.items()})
        if found.alive is not None
        else None,
    )
    bits, threshold = rank(pool, amount, selection, rules)
    living = np.zeros(
        1 + max((int(home.numbers.max()) for home in homes.values() if home.numbers.size), default=0), np.bool_
    )
    for name, home in homes.items():
        living[home.numbers] = np.unpackbits(bits[name], count=home.numbers.size, bitorder="little").view(np.bool_)
    masks = {}
    for name, each in units.items():
        alive = np.where(each < 0, True, living[each])
        if found.alive is not None and name in found.alive:
            alive &= found.alive.array(name)
        masks[name] = np.packbits(alive.reshape(-1), bitorder="little")
    return masks, {name: shapes[name] for name in beyond}, threshold


def _homes(found: Candidates, units: Mapping[str, Numbers], reduce: Reduction) -> dict[str, _Home]:
    count = 1 + max((int(units[name].max(initial=-1)) for name in found.shapes), default=-1)
    sums, sizes, alive = np.zeros(count), np.zeros(count), np.zeros(count, dtype=np.bool_)
    home = np.full(count, -1)
    for place, (name, scores) in enumerate(_all_scores(found).items()):
        numbers = units[name].reshape(-1)
        inside = numbers >= 0
        numbers, values = numbers[inside], scores[inside]
        values = np.where(np.isfinite(values) | (values > 0), values, 0.0)  # dead weights score 0
        parts = {"l1": np.abs(values), "l2": np.square(values)}.get(reduce, values)
        sums += np.bincount(numbers, weights=parts, minlength=count)
        sizes += np.bincount(numbers, minlength=count)
        flags = np.ones(scores.size, dtype=np.bool_) if found.alive is None else found.alive.array(name).reshape(-1)
        alive |= np.bincount(numbers, weights=flags[inside], minlength=count) > 0
        present = np.unique(numbers)
        home[present[home[present] < 0]] = place
    scores = {"l2": np.sqrt, "abs-of-sum": np.abs}.get(reduce, lambda each: each)(sums)
    if reduce == "mean":
        scores = sums / np.maximum(sizes, 1)
    owned = {name: np.flatnonzero(home == place) for place, name in enumerate(found.shapes)}
    return {name: _Home(each, scores[each], alive[each]) for name, each in owned.items()}


def _all_scores(found: Candidates) -> dict[str, NDArray[np.float64]]:
    """Return flat float64 scores of all elements; dead ones are -inf."""
    dense = {}
    for name, values in found.scores().items():
        if found.alive is None:
            dense[name] = values.astype(np.float64)
        else:
            flags = found.alive.array(name).reshape(-1)
            dense[name] = np.full(flags.size, -np.inf)
            dense[name][flags] = values
    return dense
