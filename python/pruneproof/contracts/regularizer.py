"""`Regularizer`: a penalty that is added to the training loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pruneproof.contracts.source import Source

if TYPE_CHECKING:  # the command line's start-up does without torch
    import torch

REGULARIZER_INGREDIENTS: Mapping[str, str] = {
    "weights": "the prunable weights, differentiable, dead ones zero",
    "parameters": "all parameters by name, differentiable",
    "alive": "the current mask, bool",
    "marked": "bool, name -> prunable weights that a named earlier step chose to prune and left alive",
    "scales": "name -> weight of the normalisation that follows the layer, differentiable; only where one does",
    "shifts": "name -> its bias likewise",
    "start": "the prunable weights as the training began, not differentiable",
    "step": "optimizer steps of the recipe that are done, from 0",
    "progress": "the fraction of the recipe that is done, in [0, 1)",
}
"""What a regularizer may ask for."""


@dataclass(frozen=True)
class Regularizer:
    """A named penalty: `penalty` asks for its ingredients by name and returns a scalar that is added to the loss."""

    id: str
    penalty: Callable[..., torch.Tensor]
    source: Source
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this regularizer cannot obey it. Obeying it all the same is a failure too."""
