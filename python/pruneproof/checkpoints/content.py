"""What only the numbers of a tensor tell: whether it is a mask or a constant."""

from collections.abc import Collection
from math import prod
from typing import Any

from pruneproof.checkpoints.source import Source
from pruneproof.errors import DataCorrupt

_AT_ONCE = 1 << 20


def of_two_values(source: Source, names: Collection[str]) -> list[str]:
    """Return those of the tensors that hold at most two values; of others little more is read than their first row."""
    if not names:
        return []
    from safetensors import SafetensorError, safe_open

    found = []
    for name, _, shape, file in source.opened.tensors:
        if name in names and 0 not in shape:
            try:
                with safe_open(source.paths[file], framework="pt") as opened:
                    if _holds_two_values(opened.get_slice(name), shape):
                        found.append(name)
            except (SafetensorError, OSError) as problem:
                raise DataCorrupt(f'"{name}" in {source.paths[file]} cannot be read: {problem}.') from problem
    return found


def _holds_two_values(numbers: Any, shape: tuple[int, ...]) -> bool:  # the library does not type its slices
    """Read along the first side longer than 1, at first one row and then more at a time, up to a third value."""
    import torch

    axis = next((axis for axis, side in enumerate(shape) if side > 1), len(shape) - 1)
    width = prod(shape[axis + 1 :])
    seen, start, many = torch.empty(0, dtype=torch.float64), 0, 1
    while start < shape[axis]:
        part = numbers[(*[0] * axis, slice(start, start + many))]
        seen = torch.cat([seen, part.double().reshape(-1).unique()]).unique()
        if len(seen) > 2:
            return False
        start += many
        many = min(2 * many, max(_AT_ONCE // width, 1))
    return True
