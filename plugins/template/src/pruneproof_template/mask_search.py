"""A mask search: soft gates that begin with magnitude and harden as training goes on."""

from collections.abc import Iterable

import torch

from pruneproof.api import MaskSearch, Source, Tensors, hookimpl, select

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def start(weights: Tensors, rng: torch.Generator) -> Tensors:
    """Return v = |w| / mean(|w| of its tensor) - 1, the variables to train. Keyword-only parameters would be options.

    >>> start({"fc": torch.tensor([1.0, -3.0])}, torch.Generator())["fc"].tolist()
    [-0.5, 0.5]
    """
    return {name: w.abs() / w.abs().mean().clamp_min(torch.finfo(w.dtype).tiny) - 1 for name, w in weights.items()}


def gate(variables: Tensors, sparsity: float, progress: float, rng: torch.Generator) -> Tensors:
    """Return σ((1 + 9 progress) v): what each weight is multiplied by, differentiable in v.

    >>> [round(each, 3) for each in gate({"fc": torch.tensor([-0.5, 0.5])}, 0.5, 0.0, torch.Generator())["fc"].tolist()]
    [0.378, 0.622]
    """
    return {name: torch.sigmoid((1 + 9 * progress) * each) for name, each in variables.items()}


def export(variables: Tensors, sparsity: float) -> Tensors:
    """Return the mask of the largest v of all tensors, which is left in the end.

    >>> export({"fc": torch.tensor([-0.5, 0.5])}, 0.5)["fc"].tolist()
    [False, True]
    """
    return dict(select({name: each.detach() for name, each in variables.items()}, score="given", sparsity=sparsity))


TEMPLATE_MASK_SEARCH = MaskSearch(
    id="template-mask-search",
    start=start,
    gate=gate,
    export=export,
    source=Source(authors="A. Reader", year=2026, title="An example"),
    exports="top-k over all weights",
)


@hookimpl
def pruneproof_searches() -> Iterable[MaskSearch]:
    """Register the mask search."""
    return [TEMPLATE_MASK_SEARCH]
