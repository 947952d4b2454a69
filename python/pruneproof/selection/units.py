"""Units: from the scores of weights to one score per unit, and from living units to masks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof import _engine
from pruneproof.contracts.selection import Reduction, Selection
from pruneproof.contracts.structure import Places, Structure
from pruneproof.errors import BadConfig, BadPlugin, BadTensor, InfeasibleSelection
from pruneproof.selection.amount import Amount
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
    example: torch.Tensor | None = None,
) -> tuple[dict[str, Places], dict[str, tuple[int, ...]]]:
    """Return the units of each tensor, as the structure says, and the shapes of the tensors beyond the prunable ones.

    Raises:
        BadConfig: a structure that looks at the network, or follows an input through it, where there is none.
        BadPlugin: an answer that is neither sides nor numbers of units, or does not fit.
    """

    def network() -> torch.nn.Module:
        if module is None:
            raise BadConfig(
                f'the structure "{structure.id}" looks at the network, and here are only tensors. Pass the module.'
            )
        return module

    def input_() -> torch.Tensor:
        if example is None:
            raise BadConfig(
                f'the structure "{structure.id}" follows an input through the network, and there is none. Pass one as '
                "`example`."
            )
        return example

    given = {"shapes": lambda: dict(shapes), "module": network, "example": input_}
    found = ask(structure.units, given, options)
    if missing := sorted(set(shapes) - set(found)):
        raise BadPlugin(f'structure "{structure.id}" has no units of {missing}; every prunable tensor was asked for.')
    state = {} if module is None else module.state_dict()
    beyond = {name: tuple(state[name].shape) for name in sorted(set(found) - set(shapes)) if name in state}
    for name, places in found.items():
        if name not in shapes and name not in beyond:
            raise BadPlugin(f'structure "{structure.id}" has units of "{name}", which is no tensor of the network.')
        if name in beyond and isinstance(places, tuple):
            raise BadPlugin(
                f'structure "{structure.id}" cuts "{name}" into blocks, which nothing could score: it is not prunable. '
                "Number the units of a prunable tensor that it dies with."
            )
        _check_places(structure, name, places, shapes[name] if name in shapes else beyond[name])
    return dict(found), beyond


def _check_places(structure: Structure, name: str, places: object, shape: tuple[int, ...]) -> None:
    if isinstance(places, tuple):
        if len(places) != len(shape) or any(not isinstance(side, int) or side < 0 for side in places):
            raise BadPlugin(
                f'structure "{structure.id}" cuts "{name}" of shape {shape} into blocks of sides {places}; a whole '
                "number for each dimension was expected."
            )
        return
    if not isinstance(places, np.ndarray) or places.dtype.kind not in "iu":
        raise BadPlugin(
            f'structure "{structure.id}" describes the units of "{name}" by {type(places).__name__}; a tuple of '
            "sides or an integer array was expected."
        )
    try:
        fits = np.broadcast_shapes(places.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise BadPlugin(
            f'structure "{structure.id}" numbers the units of "{name}" in shape {places.shape}, which does not '
            f"broadcast to {shape}."
        )
    if places.size and int(places.min()) < -1:
        raise BadPlugin(
            f'structure "{structure.id}" has the unit {int(places.min())} in "{name}"; numbers from 0 were expected, '
            "or -1 for none."
        )


def select_units(
    found: Candidates,
    amount: Amount,
    selection: Selection,
    rules: Rules,
    module: torch.nn.Module | None,
    example: torch.Tensor | None = None,
) -> tuple[Bits, dict[str, tuple[int, ...]], float | None]:
    """Return the packed masks of living units, the shapes of tensors beyond the candidates', and the threshold."""
    structure = rules.structure
    assert structure is not None
    places, beyond = places_of(structure, selection.structure.options, found.shapes, module, example)
    if structure.keep is not None:
        if beyond:
            raise BadPlugin(
                f'structure "{structure.id}" keeps the best of each unit, and has units of {sorted(beyond)}, which '
                "are not prunable. Leave them out."
            )
        return _best_of_each(found, amount, structure, selection.structure.options, places), {}, None
    if all(isinstance(each, tuple) for each in places.values()):
        bits, threshold = _blocks(found, amount, selection, rules, places)
        return bits, {}, threshold
    bits, threshold = _numbered(found, amount, selection, rules, numbers_in(places, {**found.shapes, **beyond}))
    return bits, beyond, threshold


def _blocks(
    found: Candidates, amount: Amount, selection: Selection, rules: Rules, places: Mapping[str, Places]
) -> tuple[Bits, float | None]:
    """Keep whole blocks of a regular grid, by the reduced scores of their weights."""
    sides = {name: tuple(max(1, int(side)) for side in each) for name, each in places.items()}
    shapes = {name: (found.shapes[name], each) for name, each in sides.items()}
    flat = _engine.block_scores(found.tensors, shapes, reduction=selection.reduce, **found.measure())
    scores = {name: each.reshape(_grid(*shapes[name])) for name, each in flat.items()}
    alive = None
    if found.alive is not None:
        counts = {name: found.alive.block_counts(name, each) for name, each in sides.items()}
        alive = MaskSet.from_arrays({name: each > 0 for name, each in counts.items()})
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
    if len(sides) < len(places) or any(len(each) != 1 for each in axes.values()):
        return _best_of_numbered(found, keep, structure, numbers_in(places, found.shapes))
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


def _best_of_numbered(found: Candidates, keep: int, structure: Structure, units: Mapping[str, Numbers]) -> Bits:
    """Keep the best N weights of units that are numbered, ties to the lower name and index; all of a smaller unit."""
    each = {name: (units[name].reshape(-1), scores, alive) for name, scores, alive in _dense(found)}
    if not each:
        return {}
    numbers, scores, alive = (np.concatenate(column) for column in zip(*each.values(), strict=True))
    count = 1 + int(numbers.max(initial=-1))
    inside = numbers >= 0
    sizes, left = (np.bincount(numbers[those], minlength=count) for those in (inside, inside & alive))
    short = np.flatnonzero(left < np.minimum(sizes, keep))
    if short.size:
        raise InfeasibleSelection(
            f'{keep} weights of unit {short[0]} of structure "{structure.id}" are to be kept but only {left[short[0]]} '
            "are alive."
        )
    places = np.flatnonzero(inside & alive)
    order = places[np.lexsort((places, -scores[places], numbers[places]))]
    starts = np.flatnonzero(np.r_[True, np.diff(numbers[order]) != 0])
    rank_within = np.arange(order.size) - np.repeat(starts, np.diff(np.r_[starts, order.size]))
    kept = alive & ~inside
    kept[order[rank_within < keep]] = True
    ends = np.cumsum([found.sizes[name] for name in each])[:-1]
    bits = {name: np.packbits(flags, bitorder="little") for name, flags in zip(each, np.split(kept, ends), strict=True)}
    return {name: bits[name] for name in found.tensors}


def numbers_of(places: Places, shape: tuple[int, ...]) -> Numbers:
    """Return the number of the unit at each place of a tensor, blocks numbered in the C order of their grid.

    >>> numbers_of((1, 2), (2, 3)).tolist()
    [[0, 0, 1], [2, 2, 3]]
    """
    if not isinstance(places, tuple):
        return np.asarray(places, dtype=np.int64)
    grid = _grid(shape, places)
    numbers = np.zeros((1,) * len(shape), dtype=np.int64)
    for axis, (size, side) in enumerate(zip(shape, places, strict=True)):
        index = np.arange(size) // max(1, side)
        numbers = numbers * grid[axis] + index.reshape([-1 if each == axis else 1 for each in range(len(shape))])
    return numbers


def _grid(shape: Sequence[int], sides: Sequence[int]) -> tuple[int, ...]:
    """Return the number of blocks along each dimension."""
    return tuple(-(-size // max(1, side)) for size, side in zip(shape, sides, strict=True))


def numbers_in(places: Mapping[str, Places], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Numbers]:
    """Return the number of the unit at each place of several tensors; blocks are units of their tensor alone.

    >>> numbers_in({"a": (1,), "b": np.array([0, -1])}, {"a": (2,), "b": (2,)})
    {'a': array([1, 2]), 'b': array([ 0, -1])}
    """
    named = [each for each in places.values() if not isinstance(each, tuple)]
    taken = 1 + max((int(each.max()) for each in named if each.size), default=-1)
    found = {}
    for name in sorted(places):
        numbers = numbers_of(places[name], shapes[name])
        if isinstance(places[name], tuple):
            numbers = numbers + taken
            taken = max(taken, 1 + int(numbers.max(initial=-1)))
        found[name] = np.broadcast_to(numbers, shapes[name])
    return found


@dataclass(frozen=True)
class _Home:
    """The units that are ranked in a tensor: each in the first tensor, by name, that has it and is scored."""

    numbers: Numbers
    """Of its units, ascending."""
    scores: NDArray[np.float64]
    alive: NDArray[np.bool_]


def _numbered(
    found: Candidates, amount: Amount, selection: Selection, rules: Rules, units: Mapping[str, Numbers]
) -> tuple[Bits, float | None]:
    """Keep whole units that may span tensors, by the reduced scores of their weights."""
    assert rules.structure is not None
    count = 1 + max((int(each.max(initial=-1)) for each in units.values()), default=-1)
    homes = _homes(found, units, selection.reduce, count)
    scored = np.zeros(count, np.bool_)
    for home in homes.values():
        scored[home.numbers] = True
    asked = np.zeros(count, np.bool_)
    for each in units.values():
        asked[each[each >= 0]] = True
    unscored = np.flatnonzero(asked & ~scored)
    if unscored.size:
        raise BadPlugin(
            f'structure "{rules.structure.id}" has {unscored.size} units without a prunable weight, first '
            f"{unscored[0]}; nothing could score them."
        )
    alive = {name: home.alive for name, home in homes.items()}
    pool = Candidates(
        {name: home.scores for name, home in homes.items()},
        alive=None if found.alive is None else MaskSet.from_arrays(alive),
    )
    bits, threshold = rank(pool, amount, selection, rules)
    living = np.zeros(count, np.bool_)
    for name, home in homes.items():
        living[home.numbers] = np.unpackbits(bits[name], count=home.numbers.size, bitorder="little").view(np.bool_)
    masks = {}
    for name, each in units.items():
        flags = each < 0
        flags[~flags] = living[each[~flags]]
        if found.alive is not None and name in found.alive:
            flags &= found.alive.array(name)
        masks[name] = np.packbits(flags.reshape(-1), bitorder="little")
    return masks, threshold


def _homes(found: Candidates, units: Mapping[str, Numbers], reduce: Reduction, count: int) -> dict[str, _Home]:
    """Reduce the scores of each unit's weights, dead ones 0, and find the tensor in which it is ranked.

    Raises:
        BadTensor: infinities of both signs in one unit.
    """
    sums, sizes, alive = np.zeros(count), np.zeros(count), np.zeros(count, dtype=np.bool_)
    home = np.full(count, -1)
    names = sorted(found.shapes)
    for place, (name, scores, flags) in enumerate(_dense(found, signed=reduce in ("sum", "abs-of-sum"))):
        numbers = units[name].reshape(-1)
        inside = numbers >= 0
        numbers, values = numbers[inside], scores[inside]
        parts = {"l1": np.abs, "l2": np.square}.get(reduce, lambda each: each)(values)
        sums += np.bincount(numbers, weights=parts, minlength=count)
        sizes += np.bincount(numbers, minlength=count)
        alive |= np.bincount(numbers, weights=flags[inside], minlength=count) > 0
        present = np.unique(numbers)
        home[present[home[present] < 0]] = place
    if broken := np.flatnonzero(np.isnan(sums)).tolist():
        raise BadTensor(
            f'the scores of unit {broken[0]}, first in "{names[home[broken[0]]]}", add up to inf - inf, which has no '
            "rank. Check the criterion."
        )
    scores = {"l2": np.sqrt, "abs-of-sum": np.abs}.get(reduce, lambda each: each)(sums)
    if reduce == "mean":
        scores = sums / np.maximum(sizes, 1)
    owned = {name: np.flatnonzero(home == place) for place, name in enumerate(names)}
    return {name: _Home(each, scores[each], alive[each]) for name, each in owned.items()}


def _dense(found: Candidates, *, signed: bool = False) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.bool_]]]:
    """Yield name, flat scores of all elements, 0 for dead ones, and which are alive; in the order of the names."""
    for name, values in found.scores(sorted(found.tensors), signed=signed).items():
        alive = np.ones(found.sizes[name], np.bool_) if found.alive is None else found.alive.array(name).reshape(-1)
        scores = np.zeros(alive.size)
        scores[alive] = values
        yield name, scores, alive
