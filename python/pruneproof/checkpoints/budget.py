"""How many weights of a checkpoint stay, and in which groups they are ranked, by a selection and the shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pruneproof.checkpoints.weights import Weight
from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.selection import Selection
from pruneproof.errors import BadOption, BadTensor
from pruneproof.registry.blame import blamed
from pruneproof.selection.amount import Amount
from pruneproof.selection.fit import checked_counts, fit, limit_floors
from pruneproof.selection.rules import Rules, ask, installed, resolve

MOST_IN_A_GROUP = 65_536
"""Rows and N:M groups are held in memory whole."""


@dataclass(frozen=True)
class Together:
    """One ranking of all weights."""

    keep: int
    floor: int
    """Minimum survivors of each tensor."""


@dataclass(frozen=True)
class Each:
    """One ranking for each tensor."""

    keeps: Mapping[str, int]

    @property
    def keep(self) -> int:
        """Survivors in all."""
        return sum(self.keeps.values())


@dataclass(frozen=True)
class Groups:
    """One ranking for each run of so many weights: a row, or a group of N:M."""

    groups: Mapping[str, tuple[int, int]]
    """Name -> length of a group, survivors of each."""
    keep: int
    """Survivors in all."""


Budget = Together | Each | Groups


def budget(weights: Sequence[Weight], amount: Amount, selection: Selection) -> Budget:
    """Return what a selection keeps of tensors whose values nobody has read.

    >>> weights = [Weight("a", "F32", (2, 4)), Weight("b", "F32", (1, 4))]
    >>> budget(weights, Amount(sparsity=0.5), Selection())
    Together(keep=6, floor=0)
    >>> budget(weights, Amount(sparsity=0.5), Selection(scope="tensor"))
    Each(keeps={'a': 4, 'b': 2})
    >>> budget(weights, Amount(), Selection(structure="2:4"))
    Groups(groups={'a': (4, 2), 'b': (4, 2)}, keep=6)

    Raises:
        BadOption: the amount and the selection contradict each other, or a rule needs the values.
        BadConfig: a sparsity out of range, or rules that contradict each other.
        BadTensor: a shape that does not fit.
        InfeasibleSelection: no mask has that count and those floors.
        UnknownName: a rule that nobody registers.
    """
    rules = resolve(selection, installed)
    _check_reading(selection, rules)
    if rules.structure is not None:
        if amount != Amount():
            raise BadOption("--structure says how much is kept and where; leave out --sparsity and --keep.")
        return _of_structure(weights, selection)
    if (amount.sparsity is None) == (amount.keep is None):
        raise BadOption("exactly one of --sparsity, --keep and --structure says how much is pruned.")
    if selection.scope.id == "row":
        return _of_rows(weights, amount, selection, rules)
    sizes = {weight.name: weight.size for weight in weights}
    floors = _floors(sizes, amount, selection, rules)
    if selection.scope.id == "tensor":
        counts = {name: _count(size, amount, selection, rules, f'"{name}"') for name, size in sizes.items()}
        return Each({name: max(count, min(sizes[name], floors[name])) for name, count in counts.items()})
    size = sum(sizes.values())
    keep = _count(size, amount, selection, rules, "all tensors")
    floors = limit_floors(floors, sizes, keep, size)
    if rules.allocation is not None:
        shares = _allocated(rules.allocation, selection.scope.options, weights, keep)
        return Each(fit(shares, floors, sizes, keep))
    least = max(floors.values(), default=0)
    if any(each != min(least, sizes[name]) for name, each in floors.items()):
        raise BadOption(
            f'the floor "{selection.floor.id}" protects different numbers of different tensors. A checkpoint is '
            "ranked with the same floor for all; use --floor N, or the scope tensor."
        )
    return Together(keep, least)


def _check_reading(selection: Selection, rules: Rules) -> None:
    """Check that the values are needed for nothing but their rank."""
    if selection.ties != "first":
        raise BadOption("a checkpoint is ranked with ties by index, the first of equals. Leave `ties` out.")
    for kind, rule in (("floor", rules.floor and rules.floor.least), ("count", rules.counting and rules.counting.keep)):
        if rule and "scores" in ingredients(rule):
            name = getattr(selection, kind).id
            raise BadOption(
                f'the {kind} "{name}" looks at all scores at once, and a checkpoint is read in pieces. Load it and '
                "call `select`."
            )


def _count(size: int, amount: Amount, selection: Selection, rules: Rules, place: str) -> int:
    if rules.counting is None:
        return amount.of(size, place)
    return amount.by_rule(rules.counting, selection.count.options, size, size, lambda: np.zeros(0))


def _floors(sizes: Mapping[str, int], amount: Amount, selection: Selection, rules: Rules) -> dict[str, int]:
    if rules.floor is None:
        return dict.fromkeys(sizes, 0)
    size = sum(sizes.values())
    sparsity = amount.sparsity if amount.sparsity is not None else (size - (amount.keep or 0)) / max(size, 1)
    given = {"sizes": lambda: sizes, "sparsity": lambda: sparsity}
    with blamed(f'floor "{rules.floor.id}"'):
        found = ask(rules.floor.least, given, selection.floor.options)
    return {name: found.get(name, 0) for name in sizes}


def _allocated(
    allocation: Allocation, options: Mapping[str, Any], weights: Sequence[Weight], keep: int
) -> Mapping[str, int]:
    """Ask an allocation that looks at shapes; its tensors have no values."""
    import torch

    shapes = {weight.name: torch.empty(weight.shape, device="meta") for weight in weights}
    label = f'allocation "{allocation.id}"'
    with blamed(label):
        try:
            counts = allocation.counts(shapes, keep, **options)
        except (NotImplementedError, RuntimeError, TypeError) as problem:
            if "meta" not in str(problem):
                raise
            raise BadOption(
                f'the scope "{allocation.id}" looks at the weights themselves, and a checkpoint is read in pieces. '
                "Choose a scope that looks at shapes, or load it and call `select`."
            ) from problem
    return checked_counts(label, counts, {weight.name: weight.size for weight in weights}, keep)


def _of_structure(weights: Sequence[Weight], selection: Selection) -> Groups:
    """Return the groups of N:M along the last dimension."""
    options = selection.structure.options
    if selection.structure.id != "n-of-m" or options.get("axis", -1) != -1:
        raise BadOption(
            f'the structure "{selection.structure.id}" is not known for checkpoints. Allowed: N:M along the last '
            "dimension, such as 2:4."
        )
    keep, length = options["keep"], options["group"]
    if not 1 <= keep <= length <= MOST_IN_A_GROUP:
        raise BadOption(
            f"--structure {keep}:{length} is out of range: N:M with 1 <= N <= M <= {MOST_IN_A_GROUP} was expected."
        )
    for weight in weights:
        last = weight.shape[-1] if weight.shape else 1
        if last % length:
            raise BadTensor(
                f'"{weight.name}" of shape {list(weight.shape)} cannot be pruned {keep}:{length}: its last dimension '
                f"is no multiple of {length}. Leave it dense with --exclude."
            )
    groups = {weight.name: (length, keep) for weight in weights}
    return Groups(groups, sum(weight.size // length * keep for weight in weights))


def _of_rows(weights: Sequence[Weight], amount: Amount, selection: Selection, rules: Rules) -> Groups:
    """Return the rows: the weights of one index of the first dimension."""
    groups = {}
    for weight in weights:
        rows = weight.shape[0] if len(weight.shape) >= 2 else 0
        length = weight.size // rows if rows else 0
        if len(weight.shape) < 2 or length > MOST_IN_A_GROUP:
            raise BadTensor(
                f'"{weight.name}" of shape {list(weight.shape)} cannot be pruned by row: two or more dimensions and '
                f"rows of at most {MOST_IN_A_GROUP} weights were expected. Leave it dense with --exclude."
            )
        keep = _count(length, amount, selection, rules, f'each row of "{weight.name}"') if length else 0
        groups[weight.name] = (max(length, 1), keep)
    kept = sum(weight.size // groups[weight.name][0] * groups[weight.name][1] for weight in weights)
    return Groups(groups, kept)
