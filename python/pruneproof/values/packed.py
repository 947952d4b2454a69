"""`PackedBuffer`: the masks of many tensors in one piece of memory, as the engine writes them."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from math import prod

import numpy as np
from numpy.typing import NDArray

_WORD = 64


class PackedBuffer(Mapping[str, NDArray[np.uint8]]):
    """A mapping from name to packed mask, read-only; each mask begins at a multiple of eight bytes.

    A buffer is sliced when the first mask is asked for: of thousands of small tensors, slices take longer than masks.

    >>> buffer = PackedBuffer(np.arange(16, dtype=np.uint8), ["a", "b"], np.array([2, 1]), np.array([3, 3, 4]))
    >>> {name: mask.tolist() for name, mask in buffer.items()}
    {'a': [0, 1], 'b': [8]}
    >>> buffer.shapes
    {'a': (3, 3), 'b': (4,)}
    """

    def __init__(
        self, buffer: NDArray[np.uint8], names: Sequence[str], dimensions: NDArray[np.int64], sides: NDArray[np.int64]
    ) -> None:
        """Take the masks of named tensors, in their order; the buffer becomes read-only.

        Args:
            buffer: the masks.
            names: of the tensors.
            dimensions: how many dimensions each has.
            sides: the shapes, one after the other.
        """
        buffer.setflags(write=False)
        self._buffer, self._names, self._dimensions, self._sides = buffer, names, dimensions, sides

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each tensor."""
        sides = iter(self._sides.tolist())
        return {
            name: tuple(islice(sides, count))
            for name, count in zip(self._names, self._dimensions.tolist(), strict=True)
        }

    @cached_property
    def _slices(self) -> dict[str, NDArray[np.uint8]]:
        slices, start = {}, 0
        for name, shape in self.shapes.items():
            size = prod(shape)
            slices[name] = self._buffer[start : start + (size + 7) // 8]
            start += -(-size // _WORD) * (_WORD // 8)
        return slices

    def __getitem__(self, name: str) -> NDArray[np.uint8]:
        """Return the packed bytes of one mask."""
        return self._slices[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
