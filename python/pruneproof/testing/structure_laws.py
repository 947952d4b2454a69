"""What every structure obeys. U is the structure; units live and die whole, or keep the best M of their weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from pruneproof.api import InfeasibleSelection, MaskSet, PruneproofError, Selection, Structure, keep_count
from pruneproof.selection.amount import Amount
from pruneproof.selection.candidates import Candidates
from pruneproof.selection.rules import Rules, ask
from pruneproof.selection.select import select_candidates
from pruneproof.selection.units import numbers_in
from pruneproof.testing import surroundings
from pruneproof.testing.law import law, require
from pruneproof.testing.masked import require_untouched
from pruneproof.testing.networks import KINDS, Network, Readable
from pruneproof.testing.strategies import SEEDS, networks

Shapes = dict[str, tuple[int, ...]]
ANSWER = "return {name: places}: a side for each dimension, or whole numbers that broadcast to the tensor's shape."
STEADY = "answer the same whenever you are asked the same."


@dataclass(frozen=True, repr=False)
class Grouped(Readable):
    """What a structure is tried on: a network, how many of its units are removed, and the scores."""

    network: Network = field(default=Network())
    sparsity: float = 0.0
    seed: int = 0

    def build(self) -> torch.nn.Module:
        """Make the network in evaluation mode."""
        return self.network.build(torch.float32).eval()

    def shapes(self, module: torch.nn.Module) -> Shapes:
        """Return the shape of each prunable tensor."""
        return {name: tuple(module.get_parameter(name).shape) for name in self.network.prunable(module)}

    def example(self) -> torch.Tensor:
        """Return an input of the network."""
        return torch.zeros(1, *self.network.shape)

    def scores(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
        """Draw the scores, some of them equal."""
        draw = np.random.default_rng(self.seed)
        return {name: draw.integers(0, 9, shape).astype(np.float32) for name, shape in shapes.items()}


def grouped() -> st.SearchStrategy[Grouped]:
    """Draw networks and sparsities from nothing to nearly everything."""
    return st.builds(Grouped, networks(), st.sampled_from([0.5, 0.0, 0.29, 0.9]), SEEDS)


def plain_grouped() -> list[Grouped]:
    """Return cases that are always tried: each kind of network, with sides that 2 and 4 divide and with others."""
    sides = ((2, 2), (4, 4), (3, 2))
    kinds = [Network(kind=kind, width=width, features=features) for kind in KINDS for width, features in sides]
    return [Grouped(each, sparsity) for each in kinds for sparsity in (0.5, 0.9)]


def names_and_shapes(structure: Structure, case: Grouped) -> None:
    """U has places for each prunable tensor and else for tensors of the network alone: sides, or numbers that fit."""
    module = case.build()
    shapes, state = case.shapes(module), module.state_dict()
    found = _units(structure, case, module)
    require(isinstance(found, Mapping), f"a {type(found).__name__}", ANSWER)
    require(set(shapes) <= set(found) <= set(state), f"places in {sorted(map(str, found))} of {sorted(shapes)}", ANSWER)
    for name, places in found.items():
        shape = tuple(state[name].shape)
        if isinstance(places, tuple):
            require(len(places) == len(shape), f'sides {places} for "{name}" of shape {shape}', ANSWER)
            continue
        numbered = isinstance(places, np.ndarray) and places.dtype.kind in "iu"
        require(numbered, f'a {type(places).__name__} for "{name}"', ANSWER)
        require(_fits(places, shape), f'numbers of shape {places.shape} for "{name}" of shape {shape}', ANSWER)


def units_cover(structure: Structure, case: Grouped) -> None:
    """Sides are whole numbers, of which 0 counts as 1, and numbers are from 0, or -1 for no unit."""
    for name, places in _units(structure, case, case.build()).items():
        if isinstance(places, tuple):
            whole = all(type(side) is int and side >= 0 for side in places)
            require(whole, f'sides {places} for "{name}"', "return whole numbers from 1.")
        elif places.size:
            least = int(places.min())
            require(least >= -1, f'the number {least} in "{name}"', "write -1 for weights that are in no unit.")


def units_scored(structure: Structure, case: Grouped) -> None:
    """Every unit has a place in a prunable tensor."""
    module = case.build()
    shapes = case.shapes(module)
    found = _units(structure, case, module)
    cut = [name for name in found if name not in shapes and isinstance(found[name], tuple)]
    require(not cut, f"blocks in {cut}, which are not prunable", "number the units that these tensors die with.")
    numbers = _numbers(found, module)
    scored = {int(each) for name in shapes for each in np.unique(numbers[name])}
    for name in set(numbers) - set(shapes):
        alone = sorted({int(each) for each in np.unique(numbers[name])} - scored - {-1})
        require(not alone, f'units {alone} in "{name}" alone', "leave out units that no prunable weight is in.")


def whole_units(structure: Structure, case: Grouped) -> None:
    """A selection leaves the weights of a unit all alive or all dead, and what is in no unit alive.

    Where the structure says how many weights of each unit stay, it is that many, or all of a smaller unit.
    """
    module = case.build()
    masks, numbers = _selected(structure, case, module)
    for unit, flags in _by_unit(masks, numbers).items():
        alive, size = int(flags.sum()), flags.size
        if unit < 0:
            require(alive == size, f"{size - alive} weights that are in no unit died", STEADY)
        elif structure.keep is None:
            require(alive in (0, size), f"{alive} of the {size} weights of unit {unit} are alive", STEADY)
        else:
            kept = min(structure.keep(**structure.example), size)
            require(alive == kept, f"{alive} of the {size} weights of unit {unit} are alive instead of {kept}", STEADY)


def count_exact(structure: Structure, case: Grouped) -> None:
    """Of N units N - floor(sparsity N) are alive after a selection."""
    masks, numbers = _selected(structure, case, case.build())
    units = {unit: bool(flags.any()) for unit, flags in _by_unit(masks, numbers).items() if unit >= 0}
    found, expected = sum(units.values()), keep_count(len(units), case.sparsity)
    require(found == expected, f"{found} of {len(units)} units are alive instead of {expected}", STEADY)


def reproducible(structure: Structure, case: Grouped) -> None:
    """Two calls give equal places, whatever the state of the global generators, and leave these where they are."""
    module = case.build()
    before = surroundings.generator_states()
    first = _numbers(_units(structure, case, module), module)
    advice = "make the units a function of shapes, network and options alone."
    require(surroundings.generator_states() == before, "a global random generator moved", advice)
    surroundings.stir()
    again = _numbers(_units(structure, case, module), module)
    require(set(first) == set(again), f"places in {sorted(first)}, then in {sorted(again)}", advice)
    for name, each in first.items():
        require(np.array_equal(each, again[name]), f'other units in "{name}" at the second call', advice)


def inputs_untouched(structure: Structure, case: Grouped) -> None:
    """The shapes are the same, and the network has the same bits, mode and gradients, after the call as before."""
    module = case.build()
    shapes = case.shapes(module)
    before = dict(shapes)
    given = {"state": dict(module.state_dict(keep_vars=False))}
    require_untouched(given, lambda: _units(structure, case, module, shapes))
    require(shapes == before, "the mapping of shapes was altered", "leave the mapping that you are given alone.")
    require(not module.training, "the network is in train mode", "leave its mode as it is, or put it back.")
    left = [name for name, each in module.named_parameters() if each.grad is not None or not each.requires_grad]
    require(not left, f"{left} have a gradient, or take none any more", "compute no gradients of the parameters.")


def _units(structure: Structure, case: Grouped, module: torch.nn.Module, shapes: Shapes | None = None) -> Any:
    """Ask the structure; a network that it refuses by one of pruneproof's errors says nothing about a law."""
    given = {
        "shapes": lambda: case.shapes(module) if shapes is None else shapes,
        "module": lambda: module,
        "example": case.example,
    }
    try:
        return ask(structure.units, given, structure.example)
    except PruneproofError:
        assume(False)


def _numbers(found: Mapping[str, Any], module: torch.nn.Module) -> dict[str, NDArray[np.int64]]:
    state = module.state_dict()
    return numbers_in(found, {name: tuple(state[name].shape) for name in found})


def _selected(
    structure: Structure, case: Grouped, module: torch.nn.Module
) -> tuple[MaskSet, dict[str, NDArray[np.int64]]]:
    """Return the mask of a selection with the structure, and the number of the unit at each place."""
    numbers = _numbers(_units(structure, case, module), module)
    candidates = Candidates(dict(case.scores(case.shapes(module))))
    amount = Amount(case.sparsity) if structure.keep is None else Amount()
    selection = Selection(structure={"id": structure.id, "options": dict(structure.example)})
    rules = Rules(structure=structure)
    try:
        masks = select_candidates(candidates, amount, selection, rules, module=module, example=case.example())
    except InfeasibleSelection:
        assume(False)
    return masks, numbers


def _by_unit(masks: MaskSet, numbers: Mapping[str, NDArray[np.int64]]) -> dict[int, NDArray[np.bool_]]:
    """Return unit -> whether each of its weights, in all tensors, is alive; -1 for those in none."""
    flat = np.concatenate([numbers[name].reshape(-1) for name in masks])
    alive = np.concatenate([masks.array(name).reshape(-1) for name in masks])
    return {int(unit): alive[flat == unit] for unit in np.unique(flat)}


def _fits(places: NDArray[Any], shape: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(places.shape, shape) == shape
    except ValueError:
        return False


def _says_how_much(structure: Structure) -> str:
    return "" if structure.keep is None else "it says itself how much is kept"


LAWS = (
    law(names_and_shapes),
    law(units_cover),
    law(units_scored),
    law(whole_units),
    law(count_exact, skip=_says_how_much),
    law(reproducible),
    law(inputs_untouched),
)
