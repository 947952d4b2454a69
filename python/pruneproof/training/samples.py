"""The samples that a probe looks at the model with."""

from collections.abc import Iterator, Sequence
from typing import Literal

import torch

from pruneproof.contracts.dataset import Batch
from pruneproof.contracts.ingredients import Tensors
from pruneproof.errors import BadConfig


def count_samples(batches: Sequence[Batch]) -> int:
    """Return the number of samples in all batches.

    >>> count_samples([(torch.ones(3, 2), torch.zeros(3)), (torch.ones(1, 2), torch.zeros(1))])
    4
    """
    return sum(len(x) for x, _ in batches)


def samples(
    batches: Sequence[Batch], weights: Tensors, inputs: Literal["data", "ones"] = "data"
) -> Iterator[tuple[torch.Tensor, torch.Tensor, float]]:
    """Yield inputs in the weights' dtype, labels, and the batch's share of all samples.

    >>> batches = [(torch.ones(3, 2), torch.zeros(3)), (torch.ones(1, 2), torch.zeros(1))]
    >>> [share for _, _, share in samples(batches, {})]
    [0.75, 0.25]

    Args:
        batches: inputs, samples first, and labels.
        weights: whose dtype floating inputs get; torch's default where there is none.
        inputs: the samples, or one input of ones of their shape.

    Raises:
        BadConfig: there is no batch.
    """
    if not batches:
        raise BadConfig(
            "no scoring samples were given: a criterion that asks for data or a probe needs at least one batch."
        )
    dtype = next(iter(weights.values())).dtype if weights else torch.get_default_dtype()
    if inputs == "ones":
        x, y = batches[0]
        yield torch.ones_like(x[:1], dtype=dtype), y[:1], 1.0
        return
    count = count_samples(batches)
    for x, y in batches:
        yield x.to(dtype) if x.is_floating_point() else x, y, len(x) / count
