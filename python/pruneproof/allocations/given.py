"""`given`: survivors of each tensor, written out by the paper."""

from collections.abc import Mapping
from math import prod
from typing import Any

from pruneproof.api import Allocation, BadConfig, Source, UnknownName, proportional


def given(weights: Mapping[str, Any], keep: int, *, counts: Mapping[str, int] | None = None) -> dict[str, int]:
    """Keep `counts[l]` weights of tensor l.

    For methods that fix each tensor's rank or width by hand; the sparsity of the run must agree with the counts.

    >>> import numpy as np
    >>> given({"a": np.ones(4), "b": np.ones(6)}, 5, counts={"a": 4, "b": 1})
    {'a': 4, 'b': 1}

    Args:
        weights: name -> weights.
        keep: survivors in all.
        counts: name -> survivors, one for each of `weights`.

    Raises:
        BadConfig: a tensor without a count, a count that is no whole number from 0 to the tensor's size, or counts
        whose
            total is not `keep`.
        UnknownName: a count for a tensor that is not there.
    """
    asked = dict(counts or {})
    for name in asked:
        if name not in weights:
            raise UnknownName.among("tensor", name, weights, where='counts of the scope "given"')
    sizes = {name: int(each.numel() if hasattr(each, "numel") else each.size) for name, each in weights.items()}
    for name, size in sizes.items():
        count = asked.get(name)
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= size:
            raise BadConfig(
                f'scope "given" has the count {count!r} for "{name}"; a whole number from 0 to {size} was expected.'
            )
    total = sum(asked.values())
    if total != keep:
        size = sum(sizes.values())
        raise BadConfig(
            f'the counts of scope "given" add up to {total}, but the sparsity keeps {keep} of {size} weights. '
            f"A sparsity just above {(size - total) / size:.6f} keeps {total}."
        )
    return {name: asked[name] for name in weights}


def _example(weights: Mapping[str, Any], keep: int) -> Mapping[str, Any]:
    return {"counts": proportional({name: prod(weight.shape) for name, weight in weights.items()}, keep)}


GIVEN = Allocation(
    id="given",
    counts=given,
    example=_example,
    source=Source(
        "Gupta, Camci, Keneta, Vaidyanathan, Kanodia, Foo, Min, Jie",
        2022,
        "Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning",
        "2209.14624",
        "FastGRNN experiment: ranks imposed on each matrix",
    ),
)
