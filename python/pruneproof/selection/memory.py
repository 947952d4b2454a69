"""Which tensors are one memory under two names, also where one is the other transposed."""

from collections.abc import Mapping
from itertools import pairwise
from math import prod

import numpy as np

from pruneproof.errors import BadTensor
from pruneproof.selection.arrays import Tensor

_END = 1 << 64

Places = tuple[int, int, tuple[tuple[int, int], ...]]
"""Address, bytes of an element, and (stride, size) of the runs of elements, smallest stride first."""


def places(tensor: Tensor) -> Places | int:
    """Return a value that is equal for tensors whose elements are the same places of memory, in whatever order.

    >>> import torch
    >>> weight = torch.ones(2, 3)
    >>> places(weight) == places(weight.T) == places(weight.reshape(6)), places(weight) == places(weight[:, :2])
    (True, False)
    """
    start, item, strides = _layout(tensor)
    sides = [(stride, size) for stride, size in zip(strides, tensor.shape, strict=True) if size != 1]
    start += item * sum(stride * (size - 1) for stride, size in sides if stride < 0)
    runs: list[tuple[int, int]] = []
    for stride, size in sorted((abs(stride), size) for stride, size in sides):
        if runs and stride == runs[-1][0] * runs[-1][1]:
            runs[-1] = (runs[-1][0], runs[-1][1] * size)
        else:
            runs.append((stride, size))
    if not start or any(not stride or not size for stride, size in runs):
        return id(tensor)  # nothing to share, or no place of its own for each element
    return start, item, tuple(runs)


def aliases(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """Return name -> the earlier name of the same memory, of the tensors that have one.

    >>> import torch
    >>> weight = torch.ones(2, 3)
    >>> aliases({"embed": weight, "head": weight.T, "other": torch.ones(2, 3)})
    {'head': 'embed'}

    Raises:
        BadTensor: two that share a part of their memory, whose weights would be ranked twice.
    """
    spans = sorted(map(_span, tensors.values()))
    if all(end <= start for (_, end), (start, _) in pairwise(spans)):
        return {}  # by far the most common: no two are near each other
    first: dict[Places | int, str] = {}
    again = {name: kept for name, tensor in tensors.items() if (kept := first.setdefault(places(tensor), name)) != name}
    blocks = sorted((*block, name) for found, name in first.items() if (block := _block(found)))
    for (_, end, one), (start, _, other) in pairwise(blocks):
        if start < end:
            raise BadTensor(
                f'"{one}" and "{other}" share a part of their memory, whose weights would be ranked twice. Pass one of '
                "them, or a copy (`clone`)."
            )
    return again


def _block(found: Places | int) -> tuple[int, int] | None:
    """Return the addresses of places without gaps."""
    if isinstance(found, int):
        return None
    start, item, runs = found
    if len(runs) > 1 or any(stride != 1 for stride, _ in runs):
        return None
    return start, start + item * prod(size for _, size in runs)


def _layout(tensor: Tensor) -> tuple[int, int, tuple[int, ...]]:
    if isinstance(tensor, np.ndarray):
        item = tensor.itemsize or 1
        return tensor.__array_interface__["data"][0], item, tuple(stride // item for stride in tensor.strides)
    try:
        return tensor.data_ptr(), tensor.element_size(), tensor.stride()
    except RuntimeError:  # of tensors that are no memory, which are refused where they are read
        return 0, 1, (0,) * tensor.ndim


def _span(tensor: Tensor) -> tuple[int, int]:
    """Return the first address and the one after the last; of a tensor with gaps bounds that are wide enough."""
    if isinstance(tensor, np.ndarray):
        start: int = tensor.__array_interface__["data"][0]
        return (start, start + tensor.nbytes) if tensor.flags.c_contiguous else (start, _END)
    try:
        start = tensor.data_ptr()
        if not tensor.is_contiguous():
            return start, _END
        return start, start + tensor.numel() * tensor.element_size()  # `nbytes` takes ten times as long
    except RuntimeError:
        return 0, 0
