"""The Rust engine: exact selection and content digests, compiled from `rust/`."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pruneproof.values.packed import PackedBuffer

__all__ = [
    "Checkpoint",
    "Cuts",
    "blake3_file",
    "blake3_hex",
    "block_scores",
    "build_info",
    "mask_apply",
    "mask_block_counts",
    "mask_expand_blocks",
    "select",
    "select_each",
    "select_rows",
]

_Dtype = Literal["float16", "bfloat16", "float32", "float64"]
_Measure = Literal["value", "magnitude", "square", "normalised", "product", "squared-product"]
_Tensors = Mapping[str, NDArray[Any] | Tensor]
_Flatten = Callable[[str, Any, _Dtype], NDArray[Any]]
_Bits = NDArray[np.uint8]
_Answer = tuple[PackedBuffer, NDArray[np.int64], float | None]

def select(
    values: _Tensors,
    keep: int | Callable[[int], int],
    *,
    dtype: _Dtype,
    measure: _Measure = "value",
    factors: _Tensors | None = None,
    floors: Mapping[str, int] | None = None,
    alive: Mapping[str, _Bits] | None = None,
    flatten: _Flatten | None = None,
) -> _Answer:
    """Keep exactly `keep` weights in all: the best by (score descending, name ascending, flat index ascending).

    First the best `floors[name]` of each tensor are protected (all of one that has fewer), then the rest of the budget
    goes to the best of what is left, over all tensors together. Their memory is borrowed, never copied or concatenated,
    and the GIL is released; a signal ends a long selection. Neither the thread count nor the order of the mapping
    changes a bit of the answer.

    Args:
        values: a dict, name -> contiguous tensor or array of `dtype`; an array of bfloat16 comes as its uint16 bits.
            Infinities are ranked, and -0 ties with 0.
        keep: number of survivors, or what tells it from the number of weights.
        dtype: dtype of all `values` and `factors`.
        measure: how a score follows from value v and factor f: `value` v, `magnitude` |v|, `square` v², `normalised`
            |v| / ||V||2 in float64, `product` |v · f|, `squared-product` (v · f)²; products are rounded to `dtype`.
        factors: a dict, name -> tensor or array, for the measures with an f.
        floors: name -> minimum survivors; 0 where a name is missing.
        alive: name -> packed mask of the candidates; all are candidates where a name is missing.
        flatten: called with (name, tensor, dtype) for what is not such a tensor or array; returns one. Without it, such
            a tensor is refused.

    Returns:
        Packed masks (eight weights to the byte, lowest bit first, zero padding) and the survivors of each tensor, both
        in the order of `values`, and the smallest kept score (None when nothing is kept).

    Raises:
        BadTensor: NaN, an infinite norm, a tensor of another dtype, size or layout, or an unknown measure.
        InfeasibleSelection: more to keep than there are candidates, or floors above the budget.
    """

def select_each(
    values: _Tensors,
    keeps: Mapping[str, int],
    *,
    dtype: _Dtype,
    measure: _Measure = "value",
    factors: _Tensors | None = None,
    alive: Mapping[str, _Bits] | None = None,
    flatten: _Flatten | None = None,
) -> _Answer:
    """Keep exactly the best `keeps[name]` weights of each tensor, ties by flat index; the threshold is None.

    Arguments and refusals are those of `select`; a name that `keeps` lacks keeps nothing.
    """

def select_rows(
    values: _Tensors,
    rows: Mapping[str, tuple[int, int]],
    *,
    dtype: _Dtype,
    measure: _Measure = "value",
    factors: _Tensors | None = None,
    alive: Mapping[str, _Bits] | None = None,
    flatten: _Flatten | None = None,
) -> _Answer:
    """Cut each tensor into rows of `width` neighbours and keep exactly the best `keep` of each: (width, keep) by name.

    Arguments and refusals are those of `select`, and a width that does not divide a tensor is refused (BadTensor); a
    name that `rows` lacks keeps nothing. The threshold is None.
    """

def block_scores(
    values: _Tensors,
    blocks: Mapping[str, tuple[Sequence[int], Sequence[int]]],
    *,
    reduction: Literal["l1", "l2", "mean"],
    dtype: _Dtype,
    measure: _Measure = "value",
    factors: _Tensors | None = None,
    alive: Mapping[str, _Bits] | None = None,
    flatten: _Flatten | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Reduce the scores of each block of each tensor to one, in the C order of the blocks' grid.

    Sums are in float64 and in an order that does not depend on the number of threads: each run of weights that lie
    together, and then the runs.

    Args:
        values: as for `select`.
        blocks: name -> shape of the tensor and shape of a block; blocks at the far edges are smaller.
        reduction: sum of absolute scores, root of the sum of their squares, or mean.
        dtype: as for `select`.
        measure: as for `select`.
        factors: as for `select`.
        alive: as for `select`; dead weights score 0.
        flatten: as for `select`.

    Raises:
        BadTensor: as for `select`; a shape or block that does not fit; a mean of both infinities.
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

def mask_expand_blocks(bits: _Bits, shape: Sequence[int], block: Sequence[int]) -> _Bits:
    """Turn a packed mask of blocks, in the C order of their grid, into that of the weights of a tensor of `shape`.

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

@final
class Cuts:
    """What is kept of each tensor of a stored checkpoint, found by the methods of `Checkpoint`."""

    @property
    def threshold(self) -> float | None:
        """The smallest magnitude kept, if all tensors were ranked together and something is kept."""

@final
class Checkpoint:
    """One model in one or more safetensors files, of which nothing is loaded.

    The methods that read it work on threads of their own. Every 50 ms they call `watch(done, total)`, in bytes of which
    the total can grow, and look for signals; what a signal handler or `watch` raises ends them.
    """

    def __new__(cls, paths: Sequence[str | PathLike[str]]) -> Self:
        """Open the files and check their headers.

        Raises:
            DataMissing: a file is not there.
            DataCorrupt: a file cannot be read or is not a sound safetensors file, or two hold a tensor of one name.
        """

    @property
    def tensors(self) -> list[tuple[str, str, tuple[int, ...], int]]:
        """Name, dtype (as safetensors writes it), shape and place of its file, by name."""

    @property
    def metadata(self) -> list[dict[str, str]]:
        """The metadata of each file."""

    def cut(
        self, names: Sequence[str], keep: int, *, floor: int = 0, watch: Callable[[int, int], object] | None = None
    ) -> Cuts:
        """Keep exactly `keep` weights: the `floor` best of each tensor, then the best of the rest, all in one ranking.

        The order is (magnitude as a real number descending, name ascending, flat index ascending). The tensors must be
        of dtype F16, BF16, F32 or F64, and the floors (all of a tensor that has fewer) at most `keep`.

        Raises:
            BadTensor: NaN.
            DataCorrupt: a file cannot be read or changes.
            KeyError: no tensor has that name.
        """

    def cut_each(self, keeps: Mapping[str, int], *, watch: Callable[[int, int], object] | None = None) -> Cuts:
        """Keep exactly the best `keeps[name]` weights of each tensor; refusals are those of `cut`."""

    def cut_groups(self, groups: Mapping[str, tuple[int, int]]) -> Cuts:
        """Keep the best `keep` of each `length` consecutive weights, given as name -> (length, keep); reads nothing.

        Raises:
            KeyError: no tensor has that name.
        """

    def apply(
        self,
        cuts: Cuts,
        outputs: Sequence[tuple[Path, Path, Mapping[str, str]]] | None = None,
        *,
        masks: bool = False,
        watch: Callable[[int, int], object] | None = None,
    ) -> tuple[dict[str, int], dict[str, _Bits]]:
        """Write the files with every weight that is not kept as zero, or write nothing.

        Args:
            cuts: what is kept.
            outputs: for each file where it is written (nothing may be there), what it will be called (errors say that)
                and its metadata. They are on the disk when this returns; after an error they are left to the caller.
            masks: whether packed masks are made.
            watch: called with bytes done and bytes in all.

        Returns:
            Survivors by name, and packed masks by name (none unless asked for).

        Raises:
            BadTensor: NaN in a tensor that is kept by groups.
            DataCorrupt: a file cannot be read or has changed since it was opened.
            StoreUnwritable: an output cannot be written.
        """
