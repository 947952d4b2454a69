"""`Transform`: a change of scores, masks, weights or scoring samples, as sanity checks make it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pruneproof.contracts.ingredients import Tensors
from pruneproof.contracts.source import Source

if TYPE_CHECKING:  # the command line's start-up does without torch
    import torch

TRANSFORM_INGREDIENTS: Mapping[str, str] = {
    "scores": "a criterion's scores of the prunable weights; makes it a transform of scores",
    "weights": "the prunable weights, dead ones zero",
    "alive": "the current mask, bool",
    "state": "all tensors of the state dict",
    "fresh": "all tensors of the state dict of the same network, newly initialised by another stream of the run's seed",
    "inputs": "the inputs of all scoring samples, (samples, ...); makes it a transform of scoring samples",
    "labels": "their labels, int64; makes it one too",
    "classes": "the number of classes",
    "rng": "a torch.Generator on the CPU, from the run's `transform` stream",
}
"""What a transform may ask for."""

OF_SAMPLES = frozenset({"inputs", "labels", "classes", "rng"})
"""What a transform of scoring samples may ask for."""


@dataclass(frozen=True)
class Transformed:
    """What a transform leaves; None leaves things as they were."""

    alive: Tensors | None = None
    """name -> bool mask of each prunable weight."""
    state: Tensors | None = None
    """name -> new values, for those tensors of the state dict that change."""
    inputs: torch.Tensor | None = None
    """Scoring samples of the same shape."""
    labels: torch.Tensor | None = None
    """Their labels."""


@dataclass(frozen=True)
class Transform:
    """A named change.

    `transform` asks for its ingredients by name. One that asks for `scores` returns new scores; any other returns
    `Transformed`. One that asks for `inputs` or `labels` changes the samples on which a criterion scores.
    """

    id: str
    transform: Callable[..., Tensors | Transformed]
    source: Source
    about: str
    """What it changes and what it keeps, in one sentence."""
    keeps: frozenset[str] = frozenset()
    """What it promises to keep: `counts` of each tensor, `total` count, `mask`, `weights`."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this transform cannot obey it. Obeying it all the same is a failure too."""
