"""`Update`: a mask that moves while the network trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pruneproof.contracts.ingredients import Tensors
from pruneproof.contracts.source import Source

UPDATE_INGREDIENTS: Mapping[str, str] = {
    "weights": "the prunable weights, dead ones zero",
    "alive": "the current mask, bool",
    "grads": "gradient of this batch's loss with respect to the weights, dead ones included",
    "rng": "a torch.Generator on the CPU, from the run's `update` stream; the same for the same step",
    "step": "this optimizer step of the recipe, from 1",
    "sparsity": "the method's target sparsity, or the round's",
    "progress": "this step as a fraction of the last one at which the mask may move, in [0, 1]",
}
"""What an update may ask for."""


@dataclass(frozen=True)
class Update:
    """A named rule that changes the mask every so many steps of training, and may bring weights back.

    `update` asks for its ingredients by name and returns name -> bool tensor, alive or dead, of the weights' shapes. A
    weight that comes back starts at zero with fresh optimizer state. Interval and end of the window are said by the
    step that trains, not here.
    """

    id: str
    update: Callable[..., Tensors]
    source: Source
    revives: bool
    """Whether dead weights may come back."""
    keeps_count: bool = True
    """Whether every tensor keeps its number of alive weights."""
    laws: frozenset[str] = frozenset()
    """Laws that the function claims beyond those that every update obeys."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this update cannot obey it. Obeying it all the same is a failure too."""
