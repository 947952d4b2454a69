"""`MaskSearch`: a mask that is learned while the weights stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pruneproof.contracts.ingredients import Tensors
from pruneproof.contracts.source import Source

if TYPE_CHECKING:  # the command line's start-up does without torch
    import torch


@dataclass(frozen=True)
class MaskSearch:
    """A named way to learn which of fixed weights to use: variables are trained, weights are not.

    The training loop minimises L(w ⊙ gate(v)) + penalty(v) over the variables v with the recipe's optimizer, data order
    and learning rate. Each function takes the options of `start` as keyword arguments.
    """

    id: str
    start: Callable[..., Tensors]
    """`start(weights, rng, **options)` returns the variables to train, name -> tensor."""
    gate: Callable[..., Tensors]
    """`gate(variables, sparsity, progress, rng, **options)` returns what each weight is multiplied by in the forward
    pass, differentiable in the variables; `progress` is the fraction of training that is done, in [0, 1)."""
    export: Callable[..., Tensors]
    """`export(variables, sparsity, **options)` returns the bool mask that is left in the end, by the method's own
    rule."""
    source: Source
    exports: str
    """The export rule in one sentence: top-k, threshold, sample."""
    penalty: Callable[..., torch.Tensor] | None = None
    """`penalty(variables, sparsity, progress, **options)` returns a scalar that is added to the loss; None for none."""
    project: Callable[..., Tensors] | None = None
    """`project(variables, sparsity, progress, **options)` returns the variables as they go on after a step of the
    optimizer: clamped to a range, frozen, projected onto a budget. `progress` is the fraction of training that is done,
    this step included, in (0, 1]. None leaves them as the optimizer does."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this search cannot obey it. Obeying it all the same is a failure too."""
