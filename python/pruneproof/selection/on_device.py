"""Global selection where the tensors are: only histograms and packed masks leave the device."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof.errors import BadTensor
from pruneproof.values.ranks import find_cut, score_of, signed, signed_keys

Scores = Callable[[str, slice], torch.Tensor]
"""The scores of a tensor's flat slice."""

_CHUNK = 1 << 24


def select_on_device(
    sizes: Mapping[str, int], dtype: torch.dtype, scores: Scores, keep: int
) -> tuple[dict[str, NDArray[np.uint8]], float | None]:
    """Return the packed masks of the best `keep`, by (score, name, flat index), and the smallest kept score.

    The answer is the engine's, bit for bit. Scores are computed by slices, never all at once: two rounds over them for
    sixteen bits, three for float32, six for float64, and one for the masks.

    Args:
        sizes: name -> number of weights.
        dtype: dtype of all scores.
        scores: computes the scores of a slice, on any device.
        keep: number of survivors, at most the sum of `sizes`.

    Raises:
        BadTensor: NaN.
    """
    width = 8 * dtype.itemsize

    def pieces(name: str) -> Iterator[slice]:
        return (slice(start, min(start + _CHUNK, sizes[name])) for start in range(0, sizes[name], _CHUNK))

    def keys() -> Iterator[torch.Tensor]:
        lowest = signed(0, width)
        for name in sizes:
            for piece in pieces(name):
                yield signed_keys(scores(name, piece)) - lowest  # 64 bits wrap around, as unsigned numbers do

    for name in sorted(sizes):
        for piece in pieces(name):
            nan = scores(name, piece).isnan()
            if bool(nan.any()):
                index = piece.start + int(nan.nonzero()[0])
                raise BadTensor(
                    f'the scores of "{name}" hold NaN at flat index {index}; NaN has no rank. Check the criterion for '
                    "0/0 or inf - inf."
                )
    if keep == 0:
        return {name: np.zeros((size + 7) // 8, np.uint8) for name, size in sizes.items()}, None
    cut = find_cut(keys, width, keep, lambda count, _: count().tolist())
    left = cut.taken
    bits: dict[str, NDArray[np.uint8]] = {}
    for name in sorted(sizes):
        packed: list[NDArray[np.uint8]] = []
        for piece in pieces(name):
            ranked = signed_keys(scores(name, piece))
            kept = ranked > signed(cut.key, width)
            (ties,) = torch.nonzero(ranked == signed(cut.key, width), as_tuple=True)
            kept[ties[:left]] = True
            left -= min(left, ties.numel())
            packed.append(_pack(kept))
        bits[name] = np.concatenate(packed) if packed else np.zeros(0, np.uint8)
    return {name: bits[name] for name in sizes}, score_of(cut.key, dtype)


def _pack(kept: torch.Tensor) -> NDArray[np.uint8]:
    """Pack flags on their device, lowest bit first, and bring the bytes here."""
    padded = torch.nn.functional.pad(kept.to(torch.uint8), (0, -kept.numel() % 8)).reshape(-1, 8)
    places = torch.arange(8, device=kept.device, dtype=torch.uint8)
    return (padded << places).sum(1, dtype=torch.uint8).cpu().numpy()
