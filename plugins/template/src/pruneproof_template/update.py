"""An update: the smallest weights make room for dead ones of steep gradient."""

from collections.abc import Iterable

import torch

from pruneproof.api import Source, Tensors, Update, decimal_floor, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_update(weights: Tensors, alive: Tensors, grads: Tensors, *, drop: float = 0.1) -> Tensors:
    """Drop the n smallest |w| of each tensor and grow the n dead weights of largest |g|, n = floor(drop · alive).

    >>> weights, grads = {"fc": torch.tensor([3.0, 0.1, 0.0, 0.0])}, {"fc": torch.tensor([0.0, 0.0, 1.0, -5.0])}
    >>> template_update(weights, {"fc": torch.tensor([True, True, False, False])}, grads, drop=0.5)["fc"].tolist()
    [True, False, False, True]

    Args:
        weights: name -> tensor of any shape, dead weights zero. The name of a positional parameter is an ingredient:
            weights, alive, grads, rng, step or progress.
        alive: name -> mask so far, bool.
        grads: of this batch's loss; dead weights have theirs too.
        drop: an option, in [0, 1]. Keyword-only parameters with defaults become config keys.

    Returns:
        One bool mask per weight, of the weight's name and shape.
    """
    moved = {}
    for name, mask in alive.items():
        row = mask.flatten().clone()
        size, slope = weights[name].abs().flatten(), grads[name].abs().flatten()
        count = min(decimal_floor(drop, int(row.sum())), int((~row).sum()))
        smallest = torch.where(row, size, torch.inf).argsort(stable=True)[:count]
        steepest = torch.where(row, -1.0, slope).argsort(descending=True, stable=True)[:count]
        row[smallest], row[steepest] = False, True
        moved[name] = row.reshape(mask.shape)
    return moved


TEMPLATE_UPDATE = Update(
    id="template-update",
    update=template_update,
    source=Source(authors="A. Reader", year=2026, title="An example"),
    revives=True,
    laws=frozenset({"drops-smallest", "grows-steepest"}),
)


@hookimpl
def pruneproof_updates() -> Iterable[Update]:
    """Register the update."""
    return [TEMPLATE_UPDATE]
