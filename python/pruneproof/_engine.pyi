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
    "Rules",
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
_Reduction = Literal["l1", "l2", "mean", "sum", "abs-of-sum"]
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

    First the best `floors[name]` of each tensor are kept (all of one that has fewer), then the best of the others over
    all tensors together. The memory of the tensors is borrowed, never copied or concatenated, and the GIL is released;
    Ctrl-C ends a long selection. The result is the same for any number of threads and any order of the mapping.

    Args:
        values: a dict, name -> contiguous tensor or array of `dtype`; an array of bfloat16 as its uint16 bits.
            Infinities are ranked, and -0 ties with 0.
        keep: number of survivors, or a function that returns it, given the number of weights.
        dtype: dtype of all `values` and `factors`.
        measure: how a score follows from value v and factor f: `value` v, `magnitude` |v|, `square` v², `normalised`
            |v| / ||V||2 in float64, `product` |v · f|, `squared-product` (v · f)²; products are rounded to `dtype`.
        factors: a dict, name -> tensor or array, for the measures with an f.
        floors: name -> minimum survivors; 0 where a name is missing.
        alive: name -> packed mask of the candidates; all are candidates where a name is missing.
        flatten: called with (name, tensor, dtype) for any other tensor; returns a contiguous array of its values.
            Without it, such a tensor is refused.

    Returns:
        Packed masks (eight weights to the byte, lowest bit first, zero padding) and the survivors of each tensor, both
        in the order of `values`, and the smallest kept score (None when nothing is kept).

    Raises:
        BadTensor: NaN, an infinite norm, a tensor of another dtype, size or layout, or an unknown measure.
        InfeasibleSelection: more to keep than there are candidates, or floors that protect more than `keep`.
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
    """Keep exactly the best `keep` of each row of `width` neighbouring weights, given as name -> (width, keep).

    Arguments and refusals are those of `select`, and a width that does not divide a tensor is refused (BadTensor); a
    name that `rows` lacks keeps nothing. The threshold is None.
    """

def block_scores(
    values: _Tensors,
    blocks: Mapping[str, tuple[Sequence[int], Sequence[int]]],
    *,
    reduction: _Reduction,
    dtype: _Dtype,
    measure: _Measure = "value",
    factors: _Tensors | None = None,
    alive: Mapping[str, _Bits] | None = None,
    flatten: _Flatten | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Reduce the scores of each block of each tensor to one, in the C order of the grid of blocks.

    Sums are computed in float64, and in an order that does not depend on the number of threads: first along each run of
    neighbouring weights, then over the runs of a block.

    Args:
        values: as for `select`.
        blocks: name -> shape of the tensor and shape of a block; blocks at the far edges are smaller.
        reduction: how the scores s of a block become one: `l1` sum of |s|, `l2` root of the sum of s², `mean` mean of
            s, `sum` sum of s, `abs-of-sum` |sum of s|. The last two add scores with their sign, so that weights can
            cancel out: for the measure `product` the products v · f, before their absolute value is taken. They refuse
            `magnitude` and `normalised`, which drop the sign.
        dtype: as for `select`.
        measure: as for `select`.
        factors: as for `select`.
        alive: as for `select`; dead weights score 0.
        flatten: as for `select`.

    Raises:
        BadTensor: as for `select`; a shape or block that does not fit; a mean or signed sum of both infinities; a
            signed sum of a measure that drops the sign.
    """

def mask_apply(bits: _Bits, words: NDArray[np.uint16 | np.uint32 | np.uint64]) -> None:
    """Clear in place the words whose bit in a packed mask is 0: weights passed as their bits become +0.0.

    The array is borrowed and the GIL is released.

    Raises:
        BadTensor: memory that is read-only, borrowed or not contiguous, another dtype, or another number of bits.
    """

def mask_block_counts(bits: _Bits, shape: Sequence[int], block: Sequence[int]) -> NDArray[np.uint64]:
    """Count the set bits of each block of shape `block` in a tensor of `shape`, in the C order of the grid of blocks.

    Raises:
        BadTensor: another number of sides, a side of 0, or another number of bits.
    """

def mask_expand_blocks(bits: _Bits, shape: Sequence[int], block: Sequence[int]) -> _Bits:
    """Expand a packed mask of blocks, in the C order of their grid, to that of the weights of a tensor of `shape`.

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
class Rules:
    """Which weights of each tensor of a checkpoint are kept: the result of `Checkpoint.select` and its variants."""

    @property
    def threshold(self) -> float | None:
        """The smallest magnitude kept, if all tensors were ranked together and something is kept."""

@final
class Checkpoint:
    """One model in one or more safetensors files, which are read as a stream and never loaded.

    The methods that read the files work on other threads. Every 50 ms they call `watch(done, total)` with numbers of
    bytes, of which the total can grow, and check for signals; what a signal handler or `watch` raises ends them.
    """

    def __new__(cls, paths: Sequence[str | PathLike[str]]) -> Self:
        """Open the files and check their headers.

        Raises:
            DataMissing: a file does not exist.
            DataCorrupt: a file cannot be read or is not a valid safetensors file, or two hold a tensor of one name.
        """

    @property
    def tensors(self) -> list[tuple[str, str, tuple[int, ...], int]]:
        """Name, dtype (as safetensors writes it), shape and index of the file of each tensor, sorted by name."""

    @property
    def metadata(self) -> list[dict[str, str]]:
        """The metadata of each file."""

    def select(
        self, names: Sequence[str], keep: int, *, floor: int = 0, watch: Callable[[int, int], object] | None = None
    ) -> Rules:
        """Keep exactly `keep` weights: the best `floor` of each tensor, then the best of the others over all tensors.

        The order is (magnitude as a real number descending, name ascending, flat index ascending). The tensors must be
        of dtype F16, BF16, F32 or F64, and the floors (all of a tensor that has fewer) at most `keep`.

        Raises:
            BadTensor: NaN.
            DataCorrupt: a file cannot be read or changes.
            KeyError: no tensor has that name.
        """

    def select_each(self, keeps: Mapping[str, int], *, watch: Callable[[int, int], object] | None = None) -> Rules:
        """Keep exactly the best `keeps[name]` weights of each tensor; errors are those of `select`."""

    def select_groups(self, groups: Mapping[str, tuple[int, int]]) -> Rules:
        """Keep the best `keep` of each `length` consecutive weights, given as name -> (length, keep); reads nothing.

        Raises:
            KeyError: no tensor has that name.
        """

    def apply(
        self,
        rules: Rules,
        outputs: Sequence[tuple[Path, Path, Mapping[str, str]]] | None = None,
        *,
        masks: bool = False,
        watch: Callable[[int, int], object] | None = None,
    ) -> tuple[dict[str, int], dict[str, _Bits]]:
        """Write the files with every weight that is not kept as zero, or only count and make masks.

        Args:
            rules: which weights are kept.
            outputs: for each file the path that is written (no file may exist there), the path to which the caller will
                rename it (the one that errors name) and its metadata. They are flushed to the disk when this returns;
                after an error they are left to the caller. None writes nothing.
            masks: whether packed masks are made.
            watch: called with bytes done and bytes in all.

        Returns:
            Number of survivors by name, and packed masks by name (none unless asked for).

        Raises:
            BadTensor: NaN in a tensor that is kept by groups.
            DataCorrupt: a file cannot be read or has changed since it was opened.
            StoreUnwritable: an output cannot be written.
        """
