"""The Rust engine: exact selection and content digests, compiled from `rust/`."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["blake3_file", "blake3_hex", "build_info", "mask_apply", "mask_block_counts", "select", "select_each"]

_Dtype = Literal["float16", "bfloat16", "float32", "float64"]
_Bits = NDArray[np.uint8]
_Answer = tuple[dict[str, _Bits], dict[str, int], float | None]

def select(
    scores: dict[str, NDArray[Any]],
    keep: int,
    *,
    dtype: _Dtype,
    floors: Mapping[str, int] | None = None,
    alive: Mapping[str, _Bits] | None = None,
) -> _Answer:
    """Keep exactly `keep` weights in all: the best by (score descending, name ascending, flat index ascending).

    First the best `floors[name]` of each tensor are protected (all of one that has fewer), then the rest of the budget
    goes to the best of what is left, over all tensors together. The arrays are borrowed, never copied or concatenated,
    and the GIL is released. Neither the thread count nor the order of the mapping changes a bit of the answer.

    Args:
        scores: name -> one-dimensional contiguous array of `dtype`; bfloat16 comes as its uint16 bits. Infinities are
            ranked, and -0 ties with 0.
        keep: number of survivors.
        dtype: dtype of every array of `scores`.
        floors: name -> minimum survivors; 0 where a name is missing.
        alive: name -> packed mask of the candidates; all are candidates where a name is missing.

    Returns:
        Packed masks (eight weights to the byte, lowest bit first, zero padding), survivors per tensor, and the smallest
        kept score (None when nothing is kept); both dicts are in the order of `scores`.

    Raises:
        BadTensor: NaN, an array of another dtype or layout, or an alive mask of the wrong size.
        InfeasibleSelection: more to keep than there are candidates, or floors above the budget.
    """

def select_each(
    scores: dict[str, NDArray[Any]],
    keeps: Mapping[str, int],
    *,
    dtype: _Dtype,
    alive: Mapping[str, _Bits] | None = None,
) -> _Answer:
    """Keep exactly the best `keeps[name]` weights of each tensor, ties by flat index; the threshold is None.

    Arguments and refusals are those of `select`; a name that `keeps` lacks keeps nothing.
    """

def mask_apply(bits: _Bits, words: NDArray[np.uint16 | np.uint32 | np.uint64]) -> None:
    """Clear in place the words whose bit in a packed mask is 0: weights passed as their bits become +0.0.

    The array is borrowed and the GIL is released.

    Raises:
        BadTensor: memory that is read-only, borrowed or not contiguous, another dtype, or another number of bits.
    """

def mask_block_counts(bits: _Bits, shape: Sequence[int], block: Sequence[int]) -> NDArray[np.uint64]:
    """Count the set bits of each block of shape `block` in a tensor of `shape`, in the C order of the blocks' grid.

    Raises:
        BadTensor: another number of sides, a side of 0, or another number of bits.
    """

def blake3_hex(content: bytes) -> str:
    """Return the BLAKE3 digest of `content`, 64 hexadecimal digits."""

def blake3_file(path: str | PathLike[str]) -> str:
    """Return the BLAKE3 digest of a file, read as a stream.

    Raises:
        OSError: the file cannot be read.
    """

def build_info() -> dict[str, str | int]:
    """Return how the engine was built: `version`, `profile`, `target_features`; and its `threads`."""
