"""Quantities with their units: sparsity, counts and lengths of training."""

import re
from decimal import ROUND_FLOOR, Decimal

from pruneproof.errors import BadConfig

ROUNDING = Decimal("1e-15")
"""What a computed share may miss of its exact value: a few roundings in double precision."""


def decimal_floor(share: float, size: int) -> int:
    """Return floor(share · size), the product taken in decimal: 0.29 of 100 is 29, and not 28.999999999999996.

    A share that was computed may miss its exact value by a few roundings, which would cost a whole unit where the exact
    product is a whole number: 1/3 of 6, or nine tenths that came out as 0.8999999999999999. Every share therefore
    counts as 1e-15 more. A share of d decimals counts as it is spelled as long as 10^d · size < 10^15.

    >>> decimal_floor(0.29, 100), decimal_floor(1.5, 3), decimal_floor(-0.25, 6)
    (29, 4, -2)
    >>> decimal_floor(1 / 3, 6), decimal_floor(0.8999999999999999, 10)
    (2, 9)
    """
    return int(((Decimal(repr(float(share))) + ROUNDING) * size).to_integral_value(ROUND_FLOOR))


def drop_count(size: int, sparsity: float) -> int:
    """Return how many of `size` weights a cumulative `sparsity` in [0, 1) removes: floor(sparsity * size).

    The product is that of `decimal_floor`; at least one of them stays.

    >>> drop_count(100, 0.29), drop_count(20, 0.6), drop_count(7, 0.5), drop_count(4, 0.0)
    (29, 12, 3, 0)

    Raises:
        BadConfig: `sparsity` lies outside [0, 1).
    """
    if not 0.0 <= sparsity < 1.0:
        raise BadConfig(f"sparsity {sparsity} is out of range: a fraction of removed weights in [0, 1) was expected.")
    return min(decimal_floor(sparsity, size), max(size - 1, 0))


def keep_count(size: int, sparsity: float) -> int:
    """Return how many of `size` weights stay alive at `sparsity`: size - floor(sparsity * size).

    >>> keep_count(100, 0.29), keep_count(20, 0.6), keep_count(7, 0.5), keep_count(4, 0.0)
    (71, 8, 4, 4)
    """
    return size - drop_count(size, sparsity)


def optimizer_steps(text: str, steps_per_epoch: int) -> int:
    """Return a length of training in optimizer steps, from epochs (`90ep`) or steps (`391it`).

    >>> optimizer_steps("2ep", 19), optimizer_steps("100it", 19)
    (38, 100)

    Raises:
        BadConfig: the text has another form.
    """
    found = re.fullmatch(r"(\d+)(ep|it)", text)
    if found is None:
        raise BadConfig(f'duration "{text}" is not understood. Write epochs as "90ep" or steps as "391it".')
    return int(found[1]) * (steps_per_epoch if found[2] == "ep" else 1)
