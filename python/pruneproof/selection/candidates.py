"""`Candidates`: the tensors that compete, and how they are scored."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from math import prod
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof.errors import BadConfig, BadTensor
from pruneproof.selection.arrays import Array, Dtype, Tensor, common_dtype, dtype_of, flat, numbers, taken
from pruneproof.values.masks import MaskSet

Score = Literal["magnitude", "magnitude-squared", "sensitivity", "sensitivity-squared", "normalised-magnitude", "given"]

MEASURES: Mapping[str, Any] = {
    "magnitude": "magnitude",
    "magnitude-squared": "square",
    "sensitivity": "product",
    "sensitivity-squared": "squared-product",
    "normalised-magnitude": "normalised",
    "given": "value",
}
"""Score -> what the engine calls it."""

NEED_GRADIENTS = ("sensitivity", "sensitivity-squared")


class Candidates:
    """Named tensors, a score for each element, and the mask so far. Nothing is computed before it is asked for."""

    def __init__(
        self,
        tensors: dict[str, Tensor],
        score: Score = "given",
        gradients: dict[str, Tensor] | None = None,
        alive: MaskSet | None = None,
        *,
        in_order: bool = False,
    ) -> None:
        """Take the tensors to rank.

        Args:
            tensors: name -> weights, or scores where `score` is `given`.
            score: how an element is scored.
            gradients: name -> gradient, for scores that need it.
            alive: the mask so far; dead elements do not compete.
            in_order: whether the tensors are known to come in the order of their names, which saves a copy of the mask.
        """
        self.in_order = in_order
        self.tensors, self.score, self.alive = dict(taken(tensors)), score, alive
        self.gradients = None if gradients is None else dict(taken(gradients))
        self.dtype = common_dtype(self.tensors, self.gradients or {})
        self.copied: set[str] = set()
        """Names of tensors that had to be copied because they are not contiguous."""

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor.

        Raises:
            BadTensor: one that cannot be ranked.
        """
        for name, tensor in self.tensors.items():
            dtype_of(name, tensor)  # refuses what has no shape
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The number of elements of each tensor."""
        return {name: prod(shape) for name, shape in self.shapes.items()}

    @cached_property
    def available(self) -> dict[str, int]:
        """The number of alive elements of each tensor."""
        return self.sizes if self.alive is None else {name: self.alive.count(name) for name in self.sizes}

    def check_alive(self) -> None:
        """Check that the mask so far fits.

        Raises:
            BadTensor: it is of other tensors or shapes.
        """
        if self.alive is not None:
            for name, shape in self.shapes.items():
                if (found := self.alive.shapes.get(name)) != shape:
                    raise BadTensor(f'the mask so far has shape {found} for "{name}"; its scores have {shape}.')

    def measure(self) -> dict[str, Any]:
        """Return how the engine is to score the tensors."""
        return {
            "dtype": self.dtype,
            "measure": MEASURES[self.score],
            "factors": self.gradients,
            "alive": None if self.alive is None else {name: self.alive.packed(name) for name in self.tensors},
            "flatten": self._flat,
        }

    def scores(self, names: Iterable[str] | None = None, *, signed: bool = False) -> dict[str, Array]:
        """Return the flat scores of the alive elements as numbers, for rules that look at them.

        Args:
            names: of the tensors, in the order of the answer; all when None.
            signed: products as they are, before their absolute value is taken.

        Raises:
            BadTensor: NaN, of a dead element too; an infinite norm; or a score that has no sign where one is asked for.
        """
        found = {}
        for name in self.tensors if names is None else names:
            values = self._scored(name, signed)
            nan = np.flatnonzero(np.isnan(values))
            if nan.size:
                raise BadTensor(f'the scores of "{name}" hold NaN at flat index {nan[0]}; NaN has no rank.')
            found[name] = values if self.alive is None else values[self.alive.array(name).reshape(-1)]
        return found

    def _scored(self, name: str, signed: bool) -> NDArray[Any]:
        if signed and self.score in ("magnitude", "normalised-magnitude"):
            raise BadTensor(
                f'the reductions sum and abs-of-sum add scores with their sign, which the score "{self.score}" of '
                f'"{name}" drops. Use the score "given" or "sensitivity", or reduce by l1.'
            )
        values = numbers(self._flat(name, self.tensors[name], self.dtype), self.dtype)
        with np.errstate(all="ignore"):
            match self.score:
                case "given":
                    return values
                case "magnitude":
                    return np.abs(values)
                case "magnitude-squared":
                    return self._rounded(np.square(values))
                case "normalised-magnitude":
                    wide = np.abs(values.astype(np.float64))
                    norm = float(np.sqrt(np.square(wide).sum()))
                    if np.isinf(norm):
                        raise BadTensor(f'the L2 norm of "{name}" is infinite, so its weights cannot be divided by it.')
                    return wide / norm if norm else wide
            assert self.gradients is not None
            gradients = numbers(self._flat(name, self.gradients[name], self.dtype), self.dtype)
            products = self._rounded(values * gradients)
            if self.score == "sensitivity-squared":
                return self._rounded(np.square(products))
            return products if signed else np.abs(products)

    def _rounded(self, values: NDArray[Any]) -> NDArray[Any]:
        """Round what numpy computed in float32 to bfloat16, where that is the dtype of the tensors."""
        if self.dtype != "bfloat16":
            return values
        rounded: NDArray[Any] = torch.from_numpy(values).bfloat16().float().numpy()
        return rounded

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

    def with_last(self, dim: int) -> "Candidates":
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
        gradients = None if self.gradients is None else move(self.gradients)
        return Candidates(move(self.tensors), self.score, gradients, alive)

    def turned(self) -> tuple["Candidates", dict[str, str]]:
        """Return the same, flat, with the order of names and elements turned around; and new name -> name.

        >>> found, names = Candidates({"a": np.array([1.0, 2.0]), "b": np.array([3.0])}).turned()
        >>> found.scores(), names
        ({'0': array([3.]), '1': array([2., 1.])}, {'0': 'b', '1': 'a'})
        """
        self.note_copies()
        ordered = sorted(self.tensors, reverse=True)
        width = len(str(max(len(ordered) - 1, 0)))
        names = {f"{place:0{width}d}": name for place, name in enumerate(ordered)}

        def turn(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {
                new: np.ascontiguousarray(tensor.reshape(-1)[::-1])
                if isinstance(tensor := tensors[name], np.ndarray)
                else tensor.detach().reshape(-1).flip(0)
                for new, name in names.items()
            }

        alive = self.alive
        if alive is not None:
            alive = MaskSet.from_arrays({new: alive.array(name).reshape(-1)[::-1] for new, name in names.items()})
        gradients = None if self.gradients is None else turn(self.gradients)
        return Candidates(turn(self.tensors), self.score, gradients, alive), names


def check_gradients(
    gradients: Mapping[str, Tensor] | None, tensors: Mapping[str, Tensor], score: Score
) -> dict[str, Tensor] | None:
    """Return the gradients of the tensors where the score needs them.

    Raises:
        BadConfig: gradients where none are needed, or none where they are.
        BadTensor: a gradient that is missing or of another shape.
    """
    if (gradients is not None) != (score in NEED_GRADIENTS):
        raise BadConfig(
            f'the score "{score}" takes {"" if score in NEED_GRADIENTS else "no "}gradients. '
            f"Those that do are {' and '.join(NEED_GRADIENTS)}."
        )
    if gradients is None:
        return None
    for name, tensor in tensors.items():
        if name not in gradients:
            raise BadTensor(f'there is no gradient of "{name}"; one of shape {tuple(tensor.shape)} was expected.')
        dtype_of(f"{name} (gradient)", gradients[name])
        shape = tuple(gradients[name].shape)
        if shape != tuple(tensor.shape):
            raise BadTensor(f'the gradient of "{name}" has shape {shape}; {tuple(tensor.shape)} was expected.')
    return {name: gradients[name] for name in tensors}
