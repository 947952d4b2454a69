"""A regularizer: an L1 penalty that grows as training goes on."""

from collections.abc import Iterable

import torch

from pruneproof.api import Regularizer, Source, Tensors, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_regularizer(weights: Tensors, progress: float, *, factor: float = 1e-4) -> torch.Tensor:
    """Return factor · progress · Σ |w|.

    >>> template_regularizer({"fc": torch.tensor([1.0, -3.0])}, 0.5, factor=0.25).item()
    0.5

    Args:
        weights: name -> differentiable tensor, dead weights zero. The name of a positional parameter is an ingredient:
            weights, parameters, alive, marked, start, step or progress.
        progress: the fraction of the recipe that is done, in [0, 1).
        factor: an option, at least 0. Keyword-only parameters with defaults become config keys.

    Returns:
        A scalar tensor, which is added to the loss. Dead weights get no gradient: |w| has none at zero.
    """
    return factor * progress * torch.stack([w.abs().sum() for w in weights.values()]).sum()


TEMPLATE_REGULARIZER = Regularizer(
    id="template-regularizer",
    penalty=template_regularizer,
    source=Source(authors="A. Reader", year=2026, title="An example"),
)


@hookimpl
def pruneproof_regularizers() -> Iterable[Regularizer]:
    """Register the regularizer."""
    return [TEMPLATE_REGULARIZER]
