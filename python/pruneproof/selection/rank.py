"""Ranks candidates under a scope, a counting rule, floors and a tie rule, and returns which survive."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof import _engine
from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.floor import Floor
from pruneproof.contracts.selection import Selection
from pruneproof.errors import BadConfig, BadPlugin, BadTensor, InfeasibleSelection, UnknownName
from pruneproof.registry.blame import blamed
from pruneproof.selection.amount import Amount
from pruneproof.selection.arrays import Tensor
from pruneproof.selection.candidates import Candidates
from pruneproof.selection.fit import checked_counts, fit, limit_floors
from pruneproof.selection.on_device import select_on_device
from pruneproof.selection.rules import Rules, ask

Bits = Mapping[str, NDArray[np.uint8]]
_EVERYWHERE = "all tensors"


def rank(
    found: Candidates, amount: Amount, selection: Selection, rules: Rules, weights: Mapping[str, Tensor] | None = None
) -> tuple[Bits, float | None]:
    """Return the packed masks of the survivors, and the smallest kept score where one threshold holds for all.

    Args:
        found: what competes.
        amount: how much is kept, of all or of each tensor or row by the scope.
        selection: scope, floor, count, ties and their options.
        rules: what its ids stand for.
        weights: what an allocation looks at; the candidates when None.
    """
    scope = selection.scope.id
    if scope == "row":
        return _by_row(found, amount, selection, rules), None
    if scope == "tensor":
        return _by_tensor(found, amount, selection, rules), None
    if rules.allocation is not None:
        return _by_allocation(found, amount, selection, rules, rules.allocation, weights), None
    if rules.floor is not None and rules.floor.final:
        return _by_final_floor(found, amount, selection, rules.floor), None
    return _together(found, amount, selection, rules)


def _together(found: Candidates, amount: Amount, selection: Selection, rules: Rules) -> tuple[Bits, float | None]:
    """Rank the units of all tensors as one."""
    floors = _floors(found, amount, selection, rules)
    if rules.counting is None and selection.ties == "first":
        if not floors and stays_on_device(found):
            return _on_device(found, amount.of(sum(found.sizes.values()), _EVERYWHERE))
        if not floors and found.alive is None:
            # The engine asks back how many to keep when it knows how many there are: the tensors are looked at once.
            bits, _, threshold = _engine.select(
                found.tensors, lambda size: amount.of(size, _EVERYWHERE), **found.measure()
            )
            return bits, threshold
    keep = _keep(found, amount, selection, rules)
    if floors:
        limit_floors(floors, found.available, keep, sum(found.sizes.values()))
    _check_available(keep, found.available)
    if selection.ties == "last":
        return _together_last_first(found, keep, floors)
    bits, _, threshold = _engine.select(found.tensors, keep, floors=floors, **found.measure())
    return bits, threshold


def _by_tensor(found: Candidates, amount: Amount, selection: Selection, rules: Rules) -> Bits:
    """Rank each tensor by itself; a floor may keep more than the amount."""
    floors = _floors(found, amount, selection, rules)
    keeps = {}
    for name, size in found.sizes.items():
        if rules.counting is None:
            count = amount.of(size, f'"{name}"')
        else:
            alive = found.available[name]
            count = amount.by_rule(
                rules.counting,
                selection.count.options,
                size,
                alive,
                lambda name=name: found.scores([name])[name],  # type: ignore[misc]
            )
        keeps[name] = max(count, min(found.available[name], floors.get(name, 0)))
    return _each(found, keeps, selection)


def _by_row(found: Candidates, amount: Amount, selection: Selection, rules: Rules) -> Bits:
    """Rank each row (what one index of the first dimension holds) by itself."""
    widths = {name: prod(shape[1:]) for name, shape in found.shapes.items()}
    rows = {}
    for name, width in widths.items():
        if width:
            place = f'each row of "{name}"'
            rows[name] = (
                (width, amount.of(width, place))
                if rules.counting is None
                else (
                    width,
                    amount.by_rule(rules.counting, selection.count.options, width, width, lambda: np.zeros(0)),
                )
            )
    return _engine.select_rows(found.tensors, rows, **found.measure())[0]


def _by_allocation(
    found: Candidates,
    amount: Amount,
    selection: Selection,
    rules: Rules,
    allocation: Allocation,
    weights: Mapping[str, Tensor] | None,
) -> Bits:
    """Split the budget over the tensors by a rule, then rank each tensor by itself."""
    keep = _keep(found, amount, selection, rules)
    _check_available(keep, found.available)
    seen = _weights_of(found, found.tensors if weights is None else weights)
    label = f'allocation "{allocation.id}"'
    with blamed(label):
        answer = allocation.counts(seen, keep, **selection.scope.options)
    counts = checked_counts(label, answer, found.sizes, keep)
    floors = _floors(found, amount, selection, rules)
    floors = limit_floors(floors, found.available, keep, sum(found.sizes.values()))
    return _each(found, fit(counts, floors, found.available, keep), selection)


def _by_final_floor(found: Candidates, amount: Amount, selection: Selection, floor: Floor) -> Bits:
    """Keep of each tensor what a rule says that re-allocates the whole budget."""
    if found.alive is not None:
        raise BadConfig(
            f'the floor "{floor.id}" is a one-shot rule for dense networks; it cannot continue from a mask.'
        )
    counts = _ask_floor(found, amount, selection, floor)
    return _each(found, counts, selection)


def _each(found: Candidates, keeps: Mapping[str, int], selection: Selection) -> Bits:
    if selection.ties == "first":
        return _engine.select_each(found.tensors, keeps, **found.measure())[0]
    turned, names = found.turned()
    with _refused_in_place(found):
        bits = _engine.select_each(
            turned.tensors, {new: keeps[name] for new, name in names.items()}, **turned.measure()
        )
    return _turned_back(found, bits[0], names)


def _keep(found: Candidates, amount: Amount, selection: Selection, rules: Rules) -> int:
    size = sum(found.sizes.values())
    if rules.counting is None:
        return amount.of(size, _EVERYWHERE)
    alive = sum(found.available.values())
    return amount.by_rule(rules.counting, selection.count.options, size, alive, lambda: _pooled(found))


def _pooled(found: Candidates) -> NDArray[Any]:
    """Return the scores of all tensors as one array, in the order of the names."""
    scores = found.scores(sorted(found.tensors))
    return np.concatenate(list(scores.values())) if scores else np.zeros(0)


def _floors(found: Candidates, amount: Amount, selection: Selection, rules: Rules) -> dict[str, int]:
    return {} if rules.floor is None else _ask_floor(found, amount, selection, rules.floor)


def _ask_floor(found: Candidates, amount: Amount, selection: Selection, floor: Floor) -> dict[str, int]:
    size = sum(found.sizes.values())
    given = {
        "sizes": lambda: dict(found.sizes),
        "sparsity": lambda: _sparsity(amount, size),
        "scores": lambda: found.scores(sorted(found.tensors)),
    }
    with blamed(f'floor "{floor.id}"'):
        counts = ask(floor.least, given, selection.floor.options)
    if not isinstance(counts, Mapping):
        raise BadPlugin(f'floor "{floor.id}" answered {type(counts).__name__}; a mapping to numbers was expected.')
    for name in counts:
        if name not in found.sizes:
            raise UnknownName.among("tensor", name, found.sizes, where=f"floor {floor.id}")
    for name, least in counts.items():
        if isinstance(least, bool) or not isinstance(least, int | np.integer) or least < 0:
            raise BadConfig(f'floor {least!r} of "{name}" is out of range: a whole number from 0 was expected.')
    if floor.final:
        checked_counts(f'floor "{floor.id}"', counts, found.sizes)
    return {name: int(least) for name, least in counts.items()}


def _sparsity(amount: Amount, size: int) -> float:
    if amount.sparsity is not None:
        return amount.sparsity
    return (size - amount.of(size, _EVERYWHERE)) / (size or 1)


def _check_available(keep: int, available: Mapping[str, int]) -> None:
    alive = sum(available.values())
    if keep > alive:
        raise InfeasibleSelection(
            f"{keep} weights are to be kept but only {alive} are alive. "
            "Pruned weights stay pruned: ask for at least the sparsity of the mask so far."
        )


def _weights_of(found: Candidates, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    for name, shape in found.shapes.items():
        seen = tuple(weights[name].shape) if name in weights else None
        if seen != shape:
            raise BadTensor(f'the weights of "{name}" have shape {seen}; its scores have {shape}.')
    return {name: weights[name] for name in found.tensors}


def _together_last_first(found: Candidates, keep: int, floors: Mapping[str, int]) -> tuple[Bits, float | None]:
    """Rank all tensors as one with the last of equals first: by turning the order of names and elements around."""
    turned, names = found.turned()
    least = {new: floors[name] for new, name in names.items() if name in floors}
    with _refused_in_place(found):
        bits, _, threshold = _engine.select(turned.tensors, keep, floors=least, **turned.measure())
    return _turned_back(found, bits, names), threshold


@contextmanager
def _refused_in_place(found: Candidates) -> Iterator[None]:
    """Refuse a turned tensor by the name and index under which it was passed."""
    try:
        yield
    except BadTensor:
        _engine.select(found.tensors, 0, **found.measure())
        raise


def _turned_back(found: Candidates, bits: Bits, names: Mapping[str, str]) -> Bits:
    back = {}
    for new, name in names.items():
        flags = np.unpackbits(bits[new], count=found.sizes[name], bitorder="little")[::-1]
        back[name] = np.packbits(flags, bitorder="little")
    return {name: back[name] for name in found.tensors}


def stays_on_device(found: Candidates) -> bool:
    """Say whether the tensors can be ranked where they are: all on one CUDA device, and no mask so far."""
    each = [*found.tensors.values(), *(found.gradients or {}).values()]
    return (
        all(isinstance(tensor, torch.Tensor) and tensor.is_cuda for tensor in each)
        and len({(tensor.device, tensor.dtype) for tensor in each}) == 1
        and found.score != "normalised-magnitude"
        and found.alive is None
    )


def _on_device(found: Candidates, keep: int) -> tuple[Bits, float | None]:
    found.note_copies()
    flat = {name: torch.as_tensor(tensor).detach().reshape(-1) for name, tensor in found.tensors.items()}
    factors = {name: torch.as_tensor(each).detach().reshape(-1) for name, each in (found.gradients or {}).items()}

    def scores(name: str, piece: slice) -> torch.Tensor:
        values = flat[name][piece]
        match found.score:
            case "given":
                return values
            case "magnitude":
                return values.abs()
            case "magnitude-squared":
                return values * values
            case "sensitivity":
                return (values * factors[name][piece]).abs()
            case _:
                product = values * factors[name][piece]
                return product * product

    return select_on_device(found.sizes, next(iter(flat.values())).dtype, scores, keep)
