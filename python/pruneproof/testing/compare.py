"""Where two sets of scores differ, in words."""

from collections.abc import Mapping

import torch

from pruneproof.testing.law import LawBroken

Scores = Mapping[str, torch.Tensor]
ROUNDING = 1e-8
"""What sums in another order may differ by in float64, relative to the largest score of the tensor."""
NOISE = 1e-12
"""What may stand, absolutely, where the exact score is zero."""


def require_same(found: Scores, expected: Scores, advice: str, *, tolerance: float = 0.0, floor: float = 0.0) -> None:
    """Require that scores agree: bit for bit, or within `tolerance` times the largest of their tensor plus `floor`.

    Raises:
        LawBroken: they do not; names the first weight that differs.
    """
    if set(found) != set(expected):
        raise LawBroken(f"scores of {sorted(map(str, found))} where {sorted(map(str, expected))} were expected", advice)
    for name, right in expected.items():
        left = found[name]
        if left.shape != right.shape:
            raise LawBroken(f'"{name}" has shape {tuple(left.shape)} where {tuple(right.shape)} was expected', advice)
        if not right.numel():
            continue
        left, right = left.double(), right.double()
        bound = tolerance * right.abs().max() + floor
        off = ~((left == right) | ((left - right).abs() <= bound) | (left.isnan() & right.isnan()))
        if off.any():
            at = tuple(int(each) for each in off.nonzero()[0])
            raise LawBroken(
                f'"{name}" scores {float(left[at]):.6g} at {at} where {float(right[at]):.6g} was expected', advice
            )


def require_close(found: Scores, expected: Scores, advice: str) -> None:
    """Require that float64 scores agree up to the order of summation.

    Raises:
        LawBroken: they do not.
    """
    require_same(found, expected, advice, tolerance=ROUNDING, floor=NOISE)
