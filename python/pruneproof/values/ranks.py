"""Scores as integers of the same order, and where a ranking of integers is cut, by torch on any device."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch

Keys = Callable[[], Iterator[torch.Tensor]]
"""Yields the unsigned keys (as int64) piece by piece; called once for each round."""
Sum = Callable[[Callable[[], torch.Tensor], int], list[int]]
"""Adds up what a function counts in so many places, over all that take part."""

_INTEGERS = {16: torch.int16, 32: torch.int32, 64: torch.int64}
_DIGIT_BITS = 11


@dataclass(frozen=True)
class Cut:
    """A place in a ranking of integers: all above `key` are kept, and `taken` of the `equal` ones that have it."""

    key: int
    taken: int
    equal: int


def signed_keys(scores: torch.Tensor) -> torch.Tensor:
    """Return int64 numbers of the same order as the scores; -0 has that of +0.

    IEEE 754 bits, read as a signed integer, order positive numbers; of negative ones the bits below the sign are
    inverted, because they order the wrong way round.

    >>> signed_keys(torch.tensor([-1.0, -0.0, 0.0, 1.0])).tolist()
    [-1065353217, 0, 0, 1065353216]
    """
    scores = scores + 0.0  # -0.0 + 0.0 is 0.0
    width = 8 * scores.element_size()
    bits = scores.view(_INTEGERS[width])
    return (bits ^ ((bits >> (width - 1)) & torch.iinfo(bits.dtype).max)).to(torch.int64)


def signed(key: int, width: int) -> int:
    """Return the signed number of an unsigned key of `width` bits: the order is the same, and 0 becomes the lowest."""
    return key - (1 << (width - 1))


def score_of(key: int, dtype: torch.dtype) -> float:
    """Return the score that has this unsigned key."""
    width = 8 * dtype.itemsize
    bits = torch.tensor(signed(key, width), dtype=_INTEGERS[width])
    return float((bits ^ ((bits >> (width - 1)) & torch.iinfo(bits.dtype).max)).view(dtype))


def find_cut(keys: Keys, width: int, keep: int, add: Sum) -> Cut:
    """Find the cut that keeps the `keep` largest of the unsigned `keys` of `width` bits.

    A round settles eleven bits of the key at the cut: `add` gathers a histogram of 2048 bins.
    """
    prefix, upper, left, equal = 0, width, keep, 0
    while upper > 0:
        lower = max(upper - _DIGIT_BITS, 0)
        counts = add(partial(_histogram, keys, prefix, width, upper, lower), 1 << (upper - lower))
        digit = len(counts) - 1
        while counts[digit] < left:
            left -= counts[digit]
            digit -= 1
        prefix, equal, upper = prefix << (upper - lower) | digit, counts[digit], lower
    return Cut(prefix, left, equal)


def _histogram(keys: Keys, prefix: int, width: int, upper: int, lower: int) -> torch.Tensor:
    """Count, by the bits from `lower` to `upper`, the keys whose bits from `upper` to `width` are `prefix`."""
    counts = torch.zeros(1 << (upper - lower), dtype=torch.int64)
    for piece in keys():
        if upper < width:
            piece = piece[(piece >> upper) & ((1 << (width - upper)) - 1) == prefix]
        digits = (piece >> lower) & (counts.numel() - 1)
        counts += torch.bincount(digits, minlength=counts.numel()).cpu()
    return counts
