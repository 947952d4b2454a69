"""A criterion: a weight counts by its size within its own tensor."""

from collections.abc import Iterable

import torch

from pruneproof.api import Criterion, Source, Tensors, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_criterion(weights: Tensors, *, power: float = 1.0) -> Tensors:
    """Return |w| / mean(|w| of its tensor)^power; larger means keep. Power 0 is plain magnitude.

    >>> weights = {"fc.weight": torch.tensor([[1.0, -3.0]])}
    >>> template_criterion(weights)["fc.weight"].tolist()
    [[0.5, 1.5]]

    Args:
        weights: name -> tensor of any shape, dead weights zero. The name of a positional parameter is an ingredient:
            weights, grads, fisher, activations, alive, rng or probe. Only what is named is computed.
        power: an option. Keyword-only parameters with defaults become config keys.

    Returns:
        One score per weight, of the weight's name, shape and dtype.
    """
    return {name: w.abs() / w.abs().mean().clamp_min(torch.finfo(w.dtype).tiny) ** power for name, w in weights.items()}


TEMPLATE_CRITERION = Criterion(
    id="template-criterion",
    score=template_criterion,
    source=Source(authors="A. Reader", year=2026, title="An example"),
    laws=frozenset({"data-free", "nonnegative", "sign-invariant", "homogeneous-0", "zero-for-zero-weight"}),
)


@hookimpl
def pruneproof_criteria() -> Iterable[Criterion]:
    """Register the criterion."""
    return [TEMPLATE_CRITERION]
