"""`select`: the best weights of anybody's tensors in one call, outside any paper."""

import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof import _engine
from pruneproof.api import conv_and_linear
from pruneproof.errors import BadConfig, BadTensor, InfeasibleSelection, UnknownName
from pruneproof.selection.arrays import Array, Dtype, Tensor, common_dtype, dtype_of, flat
from pruneproof.selection.on_device import select_on_device
from pruneproof.selection.prunable import prunable
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet
from pruneproof.values.packed import PackedBuffer

Score = Literal["magnitude", "magnitude-squared", "sensitivity", "sensitivity-squared", "normalised-magnitude", "given"]
Scope = Literal["global", "tensor", "row"]
Reduction = Literal["l1", "l2", "mean"]

_MEASURES: Mapping[str, Any] = {
    "magnitude": "magnitude",
    "magnitude-squared": "square",
    "sensitivity": "product",
    "sensitivity-squared": "squared-product",
    "normalised-magnitude": "normalised",
    "given": "value",
}
_NEED_GRADIENTS = ("sensitivity", "sensitivity-squared")
_Bits = Mapping[str, NDArray[np.uint8]]


def select(
    tensors: Mapping[str, Tensor] | torch.nn.Module,
    *,
    sparsity: float | None = None,
    keep: int | None = None,
    score: Score = "magnitude",
    gradients: Mapping[str, Tensor] | None = None,
    scope: Scope = "global",
    structure: str = "weight",
    reduction: Reduction = "l1",
    dim: int = 1,
    floor: int | Mapping[str, int] = 0,
    unprunable: Sequence[str] = (),
    alive: MaskSet | None = None,
) -> MaskSet:
    """Return the mask of the weights that survive: an exact count, whatever the ties, dtypes and number of threads.

    Units compete by score, larger first; ties go to the lower name, then to the lower flat index. Of N units exactly
    N - floor(sparsity · N) are kept. The scores are never stored, and contiguous tensors on the CPU are borrowed, not
    copied. The model stays as it is; `MaskSet.apply_` sets the dead weights to zero.

    >>> import torch
    >>> weights = {"fc1.weight": torch.tensor([[3.0, -1.0], [0.5, 2.0]]), "fc2.weight": torch.tensor([[-0.1, 4.0]])}
    >>> masks = select(weights, sparsity=0.5)
    >>> masks["fc1.weight"].tolist(), masks.count(), masks.threshold
    ([[True, False], [False, True]], 3, 2.0)
    >>> select(weights, scope="row", sparsity=0.5)["fc1.weight"].tolist()
    [[True, False], [False, True]]
    >>> select(weights, structure="1:2")["fc2.weight"].tolist()
    [[False, True]]
    >>> select(weights, structure="filter", keep=2, reduction="l2").count("fc1.weight")
    2

    Args:
        tensors: name -> weights (or scores, see `score`), torch on any device or numpy, float16, bfloat16, float32 or
            float64; or a module, whose convolution and linear weights are taken.
        sparsity: fraction of the units that compete to remove, in [0, 1).
        keep: number of the units that compete to keep; exactly one of `sparsity` and `keep` is given, and neither with
            an N:M structure, which says it itself.
        score: `magnitude` |w|; `magnitude-squared` w²; `sensitivity` |w · g| (SNIP: Lee, Ajanthan and Torr 2019, up to
            its normalisation); `sensitivity-squared` (w · g)² (Molchanov et al. 2019, eq. 8);
            `normalised-magnitude` |w| / ‖W‖₂ of its tensor, in float64; `given`: the tensors are the scores.
        gradients: name -> g, for the sensitivities; of a module its `.grad` where None.
        scope: which units compete: `global` all, `tensor` those of a tensor, `row` those of an output unit (dimension
            0).
        structure: the unit: `weight`; `filter`, a whole output unit; `4x2`, blocks of that many rows and columns (as
            many sides as the tensors have dimensions); `2:4`, of every 4 neighbours along `dim` the best 2 weights.
        reduction: how a block's scores become one: sum of absolute values, root of the sum of squares, or mean.
        dim: the dimension along which N:M counts; its size must be a multiple of M. Others than the last are copied.
        floor: least number of units that each tensor keeps (all of a smaller one); or name -> number.
        unprunable: glob patterns of names that are kept whole and do not count.
        alive: the mask so far; what it has pruned stays pruned. A block is alive as long as one of its weights is, and
            its dead weights score 0.

    Raises:
        BadConfig: arguments that contradict each other, or a sparsity out of range.
        BadTensor: NaN, or a dtype or shape that does not fit.
        InfeasibleSelection: no mask has that count and those floors.
        UnknownName: an unknown score, scope or reduction.
    """
    for kind, value, known in (("score", score, Score), ("scope", scope, Scope), ("reduction", reduction, Reduction)):
        if value not in get_args(known):
            raise UnknownName.among(kind, value, get_args(known))
    named = _by_name(tensors)
    chosen = {name: named[name] for name in prunable(named, unprunable)} if unprunable else named
    unit = _Structure.parse(structure)
    if gradients is None and score in _NEED_GRADIENTS and isinstance(tensors, torch.nn.Module):
        gradients = {
            name: each.grad for name, each in tensors.named_parameters(remove_duplicate=False) if each.grad is not None
        }
    ask = _Ask(chosen, _checked_gradients(gradients, chosen, score), score, alive)
    _check_alive(ask)
    how = _Amount(sparsity, keep, floor, scope)
    bits: _Bits
    if unit.pattern is not None:
        bits, threshold = _select_pattern(ask, unit.pattern, dim, how), None
    elif unit.sides is not None:
        bits, threshold = _select_blocks(ask, unit, reduction, how)
    else:
        bits, threshold = _select_weights(ask, how)
    _say_copies(ask)
    if isinstance(bits, PackedBuffer) and chosen is named:
        return MaskSet.of_engine(bits, threshold)
    shapes = {name: tuple(tensor.shape) for name, tensor in named.items()}
    dense = MaskSet.dense({name: shape for name, shape in shapes.items() if name not in chosen})
    return MaskSet({**bits, **{name: dense.packed(name) for name in dense}}, shapes, threshold=threshold)


@dataclass(frozen=True)
class _Structure:
    """What is kept or removed together."""

    pattern: tuple[int, int] | None = None
    """N of M."""
    sides: tuple[int, ...] | None = None
    """Sides of a block; empty for filters, whose sides follow from the tensor."""

    @classmethod
    def parse(cls, text: str) -> "_Structure":
        if text == "weight":
            return cls()
        if text == "filter":
            return cls(sides=())
        if found := re.fullmatch(r"(\d+):(\d+)", text):
            n, m = int(found[1]), int(found[2])
            if 0 < n < m:
                return cls(pattern=(n, m))
        if re.fullmatch(r"[1-9]\d*(x[1-9]\d*)*", text):
            return cls(sides=tuple(int(side) for side in text.split("x")))
        raise BadConfig(
            f'structure "{text}" is not understood. Write "weight", "filter", N:M with 0 < N < M as in "2:4", or the '
            'sides of a block as in "4x4".'
        )

    def block(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of a block of one tensor."""
        sides = self.sides or (1, *shape[1:])[: len(shape)]
        if len(sides) != len(shape):
            raise BadTensor(
                f'"{name}" has shape {shape}, which blocks of {len(sides)} sides do not fit. Name it in `unprunable`.'
            )
        return tuple(max(1, side) for side in sides)


@dataclass(frozen=True)
class _Amount:
    """How many units are kept, and among which they compete."""

    sparsity: float | None
    keep: int | None
    floor: int | Mapping[str, int]
    scope: Scope

    def __post_init__(self) -> None:
        if not isinstance(self.floor, Mapping) and self.floor < 0:
            raise BadConfig(f"floor {self.floor} is out of range: a number from 0 was expected.")

    def of(self, size: int, name: str | None = None) -> int:
        """Return how many of `size` units are kept: of the tensor `name`, of each of its rows, or of all tensors."""
        if (self.sparsity is None) == (self.keep is None):
            raise BadConfig("select needs exactly one of `sparsity` and `keep`.")
        if self.sparsity is not None:
            return keep_count(size, self.sparsity)
        assert self.keep is not None
        if not 0 <= self.keep <= size:
            place = {"global": "all tensors", "tensor": f'"{name}"', "row": f'each row of "{name}"'}[self.scope]
            raise InfeasibleSelection(
                f"{self.keep} units of {place} are to be kept; a number from 0 to {size} was expected."
            )
        return self.keep

    def floors(self, names: Collection[str]) -> dict[str, int]:
        """Return the least number of units of each tensor."""
        if not isinstance(self.floor, Mapping):
            return dict.fromkeys(names, self.floor) if self.floor else {}
        for name, least in self.floor.items():
            if name not in names:
                raise UnknownName.among("tensor", name, names, where="floor")
            if least < 0:
                raise BadConfig(f'floor {least} of "{name}" is out of range: a number from 0 was expected.')
        return dict(self.floor)

    def of_each(self, sizes: Mapping[str, int], available: Mapping[str, int]) -> dict[str, int]:
        """Return how many units of each tensor are kept if each is cut by itself."""
        floors = self.floors(sizes)
        return {
            name: max(self.of(size, name), min(available[name], floors.get(name, 0))) for name, size in sizes.items()
        }


class _Ask:
    """Prunable tensors and how they are scored."""

    def __init__(
        self,
        tensors: dict[str, Tensor],
        gradients: dict[str, Tensor] | None,
        score: Score,
        alive: MaskSet | None,
    ) -> None:
        self.tensors, self.gradients, self.score, self.alive = tensors, gradients, score, alive
        self.dtype = common_dtype(tensors, gradients or {})
        self.copied: set[str] = set()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        for name, tensor in self.tensors.items():
            dtype_of(name, tensor)  # refuses what has no shape
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}

    @cached_property
    def sizes(self) -> dict[str, int]:
        return {name: prod(shape) for name, shape in self.shapes.items()}

    def measure(self) -> dict[str, Any]:
        """Return how the engine is to score the tensors."""
        return {
            "dtype": self.dtype,
            "measure": _MEASURES[self.score],
            "factors": self.gradients,
            "alive": None if self.alive is None else {name: self.alive.packed(name) for name in self.tensors},
            "flatten": self._flat,
        }

    def _flat(self, name: str, tensor: Tensor, dtype: Dtype) -> Array:
        """Make an array of a tensor that the engine cannot borrow."""
        array = flat(name, tensor, dtype)
        self._note_copy(name if tensor is self.tensors[name] else f"the gradient of {name}", tensor)
        return array

    def note_copies(self) -> None:
        """Remember the tensors that are copied because they are not contiguous."""
        for name, tensor in self.tensors.items():
            self._note_copy(name, tensor)
        for name, tensor in (self.gradients or {}).items():
            self._note_copy(f"the gradient of {name}", tensor)

    def _note_copy(self, name: str, tensor: Tensor) -> None:
        if not (tensor.is_contiguous() if isinstance(tensor, torch.Tensor) else tensor.flags.c_contiguous):
            self.copied.add(name)

    def with_last(self, dim: int) -> "_Ask":
        """Return the same with dimension `dim` brought to the last place."""

        def move(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {
                name: np.ascontiguousarray(np.moveaxis(tensor, dim, -1))
                if isinstance(tensor, np.ndarray)
                else tensor.detach().movedim(dim, -1).contiguous()
                for name, tensor in tensors.items()
            }

        alive = self.alive
        if alive is not None:
            alive = MaskSet.from_arrays({name: np.moveaxis(alive.array(name), dim, -1) for name in self.tensors})
        return _Ask(move(self.tensors), None if self.gradients is None else move(self.gradients), self.score, alive)


def _select_weights(ask: _Ask, how: _Amount) -> tuple[_Bits, float | None]:
    floors = how.floors(ask.tensors)
    if how.scope == "row":
        if floors:
            raise BadConfig('floor speaks of tensors, and the scope "row" cuts each row by itself. Leave one out.')
        widths = {name: prod(shape[1:]) for name, shape in ask.shapes.items()}
        return _select_rows(ask, {name: (width, how.of(width, name)) for name, width in widths.items() if width}), None
    if how.scope == "tensor":
        available = ask.sizes if ask.alive is None else {name: ask.alive.count(name) for name in ask.sizes}
        keeps = how.of_each(ask.sizes, available)
        return _engine.select_each(ask.tensors, keeps, **ask.measure())[0], None
    if _stays_on_device(ask, floors):
        return _on_device(ask, how.of(sum(ask.sizes.values())))
    bits, _, threshold = _engine.select(ask.tensors, how.of, floors=floors, **ask.measure())
    return bits, threshold


def _select_rows(ask: _Ask, rows: Mapping[str, tuple[int, int]]) -> _Bits:
    return _engine.select_rows(ask.tensors, rows, **ask.measure())[0]


def _select_pattern(ask: _Ask, pattern: tuple[int, int], dim: int, how: _Amount) -> _Bits:
    """Keep the best N of every M neighbours along a dimension."""
    n, m = pattern
    if how.sparsity is not None or how.keep is not None or how.floor:
        raise BadConfig(f"the structure {n}:{m} says how much is kept. Leave `sparsity`, `keep` and `floor` out.")
    for name, shape in ask.shapes.items():
        if not -len(shape) <= dim < len(shape) or shape[dim] % m:
            raise BadTensor(
                f'"{name}" has shape {shape}, which cannot be cut into groups of {m} along dimension {dim}. Name it in '
                "`unprunable`, or choose another `dim`."
            )
    if all(dim in (-1, len(shape) - 1) for shape in ask.shapes.values()):
        return _select_rows(ask, dict.fromkeys(ask.sizes, (m, n)))
    ask.note_copies()
    moved = ask.with_last(dim)
    try:
        bits = _select_rows(moved, dict.fromkeys(moved.sizes, (m, n)))
    except BadTensor:
        # Refused again, at the index in the tensor as it was passed.
        _select_rows(ask, dict.fromkeys(ask.sizes, (1, 0)))
        raise
    masks = MaskSet(bits, moved.shapes)
    back = MaskSet.from_arrays({name: np.moveaxis(masks.array(name), -1, dim) for name in masks})
    return {name: back.packed(name) for name in back}


def _select_blocks(ask: _Ask, structure: _Structure, reduction: Reduction, how: _Amount) -> tuple[_Bits, float | None]:
    """Keep whole blocks, by the reduced scores of their weights."""
    if how.scope == "row":
        raise BadConfig('blocks compete in the scope "global" or "tensor"; a row is cut into single weights or N:M.')
    blocks = {name: structure.block(name, shape) for name, shape in ask.shapes.items()}
    cut = {name: (ask.shapes[name], block) for name, block in blocks.items()}
    scores = _engine.block_scores(ask.tensors, cut, reduction=reduction, **ask.measure())
    sizes = {name: each.size for name, each in scores.items()}
    candidates: _Bits | None = None
    available = sizes
    if ask.alive is not None:
        counts = {name: ask.alive.block_counts(name, block) for name, block in blocks.items()}
        candidates = {name: np.packbits(each.reshape(-1) > 0, bitorder="little") for name, each in counts.items()}
        available = {name: int(np.count_nonzero(each)) for name, each in counts.items()}
    if how.scope == "tensor":
        keeps = how.of_each(sizes, available)
        bits, _, threshold = _engine.select_each(scores, keeps, dtype="float64", alive=candidates)
    else:
        keep = how.of(sum(sizes.values()))
        bits, _, threshold = _engine.select(scores, keep, dtype="float64", floors=how.floors(sizes), alive=candidates)
    masks = {name: _engine.mask_expand_blocks(bits[name], *cut[name]) for name in bits}
    if ask.alive is not None:
        masks = {name: mask & ask.alive.packed(name) for name, mask in masks.items()}
    return masks, threshold


def _stays_on_device(ask: _Ask, floors: Mapping[str, int]) -> bool:
    """Whether moving the tensors to the CPU can be saved."""
    each = [*ask.tensors.values(), *(ask.gradients or {}).values()]
    return (
        all(isinstance(tensor, torch.Tensor) and tensor.is_cuda for tensor in each)
        and len({(tensor.device, tensor.dtype) for tensor in each}) == 1
        and ask.score != "normalised-magnitude"
        and ask.alive is None
        and not floors
    )


def _on_device(ask: _Ask, keep: int) -> tuple[_Bits, float | None]:
    ask.note_copies()
    flat = {name: torch.as_tensor(tensor).detach().reshape(-1) for name, tensor in ask.tensors.items()}
    factors = {name: torch.as_tensor(each).detach().reshape(-1) for name, each in (ask.gradients or {}).items()}

    def scores(name: str, piece: slice) -> torch.Tensor:
        values = flat[name][piece]
        match ask.score:
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

    return select_on_device(ask.sizes, next(iter(flat.values())).dtype, scores, keep)


def _checked_gradients(
    gradients: Mapping[str, Tensor] | None, chosen: Mapping[str, Tensor], score: Score
) -> dict[str, Tensor] | None:
    """Return the gradients of the chosen tensors where the score needs them."""
    if (gradients is not None) != (score in _NEED_GRADIENTS):
        raise BadConfig(
            f'the score "{score}" takes {"" if score in _NEED_GRADIENTS else "no "}gradients. '
            f"Those that do are {' and '.join(_NEED_GRADIENTS)}."
        )
    if gradients is None:
        return None
    for name, tensor in chosen.items():
        if name not in gradients:
            raise BadTensor(f'there is no gradient of "{name}"; one of shape {tuple(tensor.shape)} was expected.')
        dtype_of(f"{name} (gradient)", gradients[name])
        shape = tuple(gradients[name].shape)
        if shape != tuple(tensor.shape):
            raise BadTensor(f'the gradient of "{name}" has shape {shape}; {tuple(tensor.shape)} was expected.')
    return {name: gradients[name] for name in chosen}


def _check_alive(ask: _Ask) -> None:
    if ask.alive is not None:
        for name, shape in ask.shapes.items():
            if (found := ask.alive.shapes.get(name)) != shape:
                raise BadTensor(f'the mask so far has shape {found} for "{name}"; it has {shape}.')


def _by_name(tensors: Mapping[str, Tensor] | torch.nn.Module) -> dict[str, Tensor]:
    """Return the tensors in the order of their names."""
    if isinstance(tensors, torch.nn.Module):
        tensors = _weights_of(tensors)
    if not isinstance(tensors, Mapping):
        raise BadConfig(f"select takes a mapping from names to tensors, or a module; found {type(tensors).__name__}.")
    for name in tensors:
        if not isinstance(name, str):
            raise BadConfig(f"a tensor has the name {name!r:.80}; text was expected.")
    names = sorted(tensors)
    if isinstance(tensors, dict) and names == list(tensors):
        return tensors
    return {name: tensors[name] for name in names}


def _weights_of(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Return the convolution and linear weights of a module."""
    parameters = dict(module.named_parameters(remove_duplicate=False))
    names = conv_and_linear(module)
    if not names:
        raise BadTensor(
            f"the module {type(module).__name__} has no convolution or linear weights. Pass tensors by name instead."
        )
    for name in names:
        if name not in parameters:
            raise BadTensor(
                f'"{name}" is computed, not a parameter of {type(module).__name__}. Remove its parametrization (for '
                "torch's pruning: torch.nn.utils.prune.remove), or pass tensors by name instead."
            )
        if isinstance(parameters[name], torch.nn.parameter.UninitializedParameter):
            raise BadTensor(f'"{name}" has no values yet. Run a batch through the module first.')
    return {name: parameters[name] for name in names}


def _say_copies(ask: _Ask) -> None:
    if ask.copied:
        warnings.warn(
            f"{', '.join(sorted(ask.copied))}: not contiguous, so copied before they are ranked. "
            "Pass contiguous tensors to save time and memory.",
            stacklevel=3,  # who called `select`
        )
