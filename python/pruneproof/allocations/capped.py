"""Shares in proportion to something, none above its tensor's size."""

from collections.abc import Mapping
from fractions import Fraction

from pruneproof.api import largest_remainder


def capped(wanted: Mapping[str, int], sizes: Mapping[str, int], keep: int) -> dict[str, int]:
    """Return min(n_l, ε · wanted_l), rounded to whole numbers, with ε solved so that they add up to `keep`.

    When the tensor with the most wanted per weight would exceed density 1 it becomes dense (all of an equal ratio
    together) and ε is solved again for the others. Rounded by largest remainder, ties in name order.

    >>> capped({"a": 1, "b": 1, "c": 2}, {"a": 2, "b": 50, "c": 50}, 20)
    {'a': 2, 'b': 6, 'c': 12}

    Args:
        wanted: name -> whole number above 0; tensors without weights are left out.
        sizes: name -> n_l.
        keep: at most Σ n_l.
    """
    open_ = {name: amount for name, amount in wanted.items() if sizes[name]}
    shares = {name: Fraction(0) for name in sizes}
    budget = keep
    while open_:
        epsilon = Fraction(budget, sum(open_.values()))
        steepest = max(Fraction(open_[name], sizes[name]) for name in open_)
        if epsilon * steepest <= 1:
            shares |= {name: epsilon * amount for name, amount in open_.items()}
            break
        for name in [name for name in open_ if Fraction(open_[name], sizes[name]) == steepest]:
            shares[name] = Fraction(sizes[name])
            budget -= sizes[name]
            del open_[name]
    return largest_remainder(shares, keep)
