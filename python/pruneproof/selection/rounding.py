"""Whole numbers that follow real-valued shares: the method of largest remainders."""

from collections.abc import Mapping
from fractions import Fraction


def largest_remainder(shares: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """Round `shares`, which sum to `total`, to whole numbers of the same sum.

    Each share is rounded down; the rest goes one by one to the largest remainders, equal ones in name order. The shares
    are exact fractions, so the answer is the same on every machine.

    >>> largest_remainder({"a": Fraction(5, 2), "b": Fraction(5, 2), "c": Fraction(1)}, 6)
    {'a': 3, 'b': 2, 'c': 1}
    """
    counts = {name: int(share) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (counts[name] - shares[name], name))
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def proportional(amounts: Mapping[str, int], total: int) -> dict[str, int]:
    """Split `total` in proportion to `amounts`; a share exceeds its amount only if `total` exceeds their sum.

    >>> proportional({"a": 30, "b": 10}, 8), proportional({"a": 0}, 0)
    ({'a': 6, 'b': 2}, {'a': 0})
    """
    whole = sum(amounts.values()) or 1
    return largest_remainder({name: Fraction(total * amount, whole) for name, amount in amounts.items()}, total)
