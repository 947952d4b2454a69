"""Shards: the parts of named tensors that a process holds, and whether those of all processes fit together."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch

from pruneproof.errors import BadTensor

DTYPES = {
    each: str(each).removeprefix("torch.") for each in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
}
CHUNK = 1 << 20
"""Elements that are looked at together, so that temporary copies stay small."""

Box = tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...] | None]
"""Name, first corner, last corner (exclusive) and full shape of a shard that is not empty."""


@dataclass(frozen=True)
class Shard:
    """The part of a named tensor that this process holds; it may be empty.

    Without `full_shape` it is a run of the flattened tensor (FSDP). With it, it is a box of a tensor of that shape:
    rows, columns, or both (tensor parallel, FSDP 2), such as columns 64 to 127 of 256:
    `Shard("fc.weight", local, offset=64, full_shape=(128, 256))`.
    """

    name: str
    """State-dict name of the full tensor."""
    data: torch.Tensor
    """The local weights or scores, on any device: float16, bfloat16, float32 or float64."""
    offset: int = 0
    """Flat index (C order) of the first local element in the full tensor."""
    full_shape: tuple[int, ...] | None = None
    """Shape of the full tensor, when the shard is a box of it."""


def describe(shards: Sequence[Shard]) -> tuple[Box, ...]:
    """Return where the shards lie that are not empty.

    Raises:
        BadTensor: NaN, another dtype, or a shard outside its tensor.
    """
    for shard in shards:
        if shard.data.dtype not in DTYPES:
            raise BadTensor(
                f'"{shard.name}" is of dtype {shard.data.dtype}, which cannot be ranked. '
                f"Allowed: {', '.join(DTYPES.values())}."
            )
    boxes = tuple((shard.name, *_corners(shard), shard.full_shape) for shard in shards if shard.data.numel())
    for shard in shards:
        flat = shard.data.detach().reshape(-1)
        for start in range(0, flat.numel(), CHUNK):
            places = torch.nonzero(flat[start : start + CHUNK].isnan())
            if places.numel():
                index = int(flat_index(shard, start + places[0]))
                raise BadTensor(f'the scores of "{shard.name}" hold NaN at flat index {index}; NaN has no rank.')
    return boxes


def _corners(shard: Shard) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the first and the last corner (exclusive) of a shard in the full tensor.

    Raises:
        BadTensor: it lies outside.
    """
    shape: tuple[int, ...] = tuple(shard.data.shape)
    first: tuple[int, ...]
    full: tuple[int, ...]
    if shard.full_shape is None:
        shape, first, full = (shard.data.numel(),), (shard.offset,), (2**62,)
    else:
        full, rest, corner = shard.full_shape, shard.offset, []
        for stride in _strides(full):
            corner.append(rest // max(stride, 1))
            rest %= max(stride, 1)
        first = tuple(corner)
    last = tuple(start + side for start, side in zip(first, shape, strict=False))
    if len(shape) != len(full) or shard.offset < 0 or any(end > side for end, side in zip(last, full, strict=True)):
        raise BadTensor(
            f'the shard of "{shard.name}" has shape {tuple(shard.data.shape)} and offset {shard.offset}, which lies '
            f"outside the full tensor of shape {shard.full_shape or 'unknown'}."
        )
    return first, last


def refuse_overlaps(boxes: Sequence[Box]) -> None:
    """Check that the shards of a tensor speak of one shape and that no weight is in two of them.

    Raises:
        BadTensor: they do not, or one is.
    """
    ordered = sorted(boxes, key=lambda box: box[:3])
    for one, other in pairwise(ordered):
        if one[0] == other[0] and one[3] != other[3]:
            raise BadTensor(f'the shards of "{one[0]}" name different full shapes: {one[3]} and {other[3]}.')
    for i, (name, first, last, _) in enumerate(ordered):
        for j in range(i + 1, len(ordered)):
            other_name, other_first, other_last, _ = ordered[j]
            if other_name != name or other_first[0] >= last[0]:
                break
            sides = zip(first, last, other_first, other_last, strict=True)
            if all(start < other_end and other_start < end for start, end, other_start, other_end in sides):
                raise BadTensor(
                    f'two shards of "{name}" hold the same weights: from {first} to {last}, and from {other_first} to '
                    f"{other_last}. Pass each weight on one process only."
                )


def box_size(box: Box) -> int:
    """Return the number of weights in a box."""
    _, first, last, _ = box
    return prod(end - start for start, end in zip(first, last, strict=True))


def flat_end(box: Box) -> int:
    """Return a flat index that none of the box's tensor reaches."""
    _, _, last, full = box
    return last[0] if full is None else prod(full)


def _strides(shape: tuple[int, ...]) -> list[int]:
    return [prod(shape[dim + 1 :]) for dim in range(len(shape))]


def flat_index(shard: Shard, places: torch.Tensor) -> torch.Tensor:
    """Return the flat index in the full tensor of flat local places."""
    if shard.full_shape is None:
        return places + shard.offset
    index = torch.full_like(places, shard.offset)
    for local, side, stride in zip(
        _strides(tuple(shard.data.shape)), shard.data.shape, _strides(shard.full_shape), strict=True
    ):
        index += places // local % side * stride
    return index
