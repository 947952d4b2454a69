"""Sets of weights alive, combined and compared."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pruneproof.errors import BadTensor
from pruneproof.values.mask_file import Bits

if TYPE_CHECKING:
    import torch


class MaskAlgebra(Mapping[str, "torch.Tensor"]):
    """What two masks over the same tensors make together, bit by bit on the packed bytes."""

    @property
    @abstractmethod
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The shape of each tensor."""

    @abstractmethod
    def packed(self, name: str) -> Bits:
        """Return the packed bytes of `name`."""

    @abstractmethod
    def _of(self, bits: Mapping[str, Bits]) -> Self:
        """Return a mask of the same tensors."""

    def __and__(self, other: Self) -> Self:
        return self._combined(other, np.bitwise_and)

    def __or__(self, other: Self) -> Self:
        return self._combined(other, np.bitwise_or)

    def __xor__(self, other: Self) -> Self:
        return self._combined(other, np.bitwise_xor)

    def __sub__(self, other: Self) -> Self:
        return self._combined(other, lambda left, right: left & ~right)

    def is_subset_of(self, other: Self) -> bool:
        """Say whether every weight alive here is alive in `other` (nesting).

        Raises:
            BadTensor: the two speak of different tensors.
        """
        self._require_same_tensors(other)
        return all(not np.any(self.packed(name) & ~other.packed(name)) for name in self)

    def hamming(self, other: Self, name: str | None = None) -> int:
        """Return how many weights are alive in just one of the two, in one tensor or in all.

        Raises:
            BadTensor: the two speak of different tensors.
        """
        self._require_same_tensors(other)
        return sum(popcount(self.packed(each) ^ other.packed(each)) for each in self._named(name))

    def jaccard(self, other: Self, name: str | None = None) -> float:
        """Return |both| / |either| in [0, 1], of one tensor or of all; two masks without survivors are alike: 1.

        Raises:
            BadTensor: the two speak of different tensors.
        """
        self._require_same_tensors(other)
        names = self._named(name)
        either = sum(popcount(self.packed(each) | other.packed(each)) for each in names)
        both = sum(popcount(self.packed(each) & other.packed(each)) for each in names)
        return both / either if either else 1.0

    def _named(self, name: str | None) -> list[str]:
        return list(self) if name is None else [name]

    def _combined(self, other: Self, operation: Callable[[Bits, Bits], Any]) -> Self:
        if not isinstance(other, MaskAlgebra):
            return NotImplemented
        self._require_same_tensors(other)
        return self._of({name: operation(self.packed(name), other.packed(name)) for name in self})

    def _require_same_tensors(self, other: Self) -> None:
        for name in sorted({*self, *other}):
            mine, theirs = self.shapes.get(name, "none"), other.shapes.get(name, "none")
            if mine != theirs:
                raise BadTensor(
                    f'masks of different tensors cannot be compared: the shape of "{name}" is {mine} in one and '
                    f"{theirs} in the other."
                )


def popcount(bits: Bits) -> int:
    """Return the number of bits that are set.

    >>> popcount(np.array([0b101, 0b1], np.uint8))
    3
    """
    return int(np.bitwise_count(bits).sum(dtype=np.int64))
