"""The closed vocabulary of what a criterion may ask for.

A criterion's positional parameter names are ingredients; only those are computed. Keyword-only parameters with defaults
are its options and become config keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:  # the command line's start-up does without torch
    import torch

Tensors: TypeAlias = Mapping[str, "torch.Tensor"]
"""State-dict name -> tensor, on the model's device, restricted to the prunable weights."""

INGREDIENTS: Mapping[str, str] = {
    "weights": "the prunable weights, dead ones zero",
    "grads": "gradient of the mean training loss with respect to the weights, on the scoring samples",
    "fisher": "diagonal of the empirical Fisher on the scoring samples: the mean of squared per-sample gradients",
    "activations": "L2 norm over the scoring samples of the input feature that each weight multiplies",
    "alive": "the current mask, bool",
    "rng": "a torch.Generator on the CPU, seeded from the run's `criterion` stream",
    "probe": "gradients, Hessian-vector products and diagonals of curvature, as the criterion asks for them",
}


class Probe(Protocol):
    """Derivatives of the masked model, without access to the model itself.

    Every call leaves weights, gradients, buffers, train/eval mode and global RNG states untouched. Dead weights stay
    dead: parameters are multiplied by the mask before use.
    """

    def gradients(
        self,
        *,
        at: Tensors | None = None,
        inputs: Literal["data", "ones"] = "data",
        objective: Literal["loss", "sum-output"] = "loss",
        every: Callable[[torch.Tensor], torch.Tensor] | None = None,
        train_mode: bool = True,
        double: bool = False,
        temperature: float = 1.0,
    ) -> Tensors:
        """Return d objective / d weights.

        Args:
            at: the prunable weights to differentiate at; the model's own when None.
            inputs: the scoring samples, or one input of ones.
            objective: mean cross-entropy, or the sum of all outputs (SynFlow's R).
            every: applied to every *other* parameter and to the buffers (SynFlow: `torch.abs`); identity when None.
            train_mode: BatchNorm uses batch statistics (True) or running statistics (False).
            double: compute in float64 (SynFlow on deep networks overflows float32).
            temperature: divides the logits before the cross-entropy (GraSP).
        """
        ...

    def hessian_vector(self, vector: Tensors, *, temperature: float = 1.0) -> Tensors:
        """Return the Hessian of the mean loss at the model's weights, on the scoring samples, times `vector`."""
        ...

    def curvature(
        self, kind: Literal["ggn", "ggn-mc", "fisher"] = "ggn", *, draws: int = 10, double: bool = False
    ) -> Tensors:
        """Return the diagonal of a curvature matrix of the mean loss at the model's weights, on the scoring samples.

        BatchNorm uses its running statistics. Dead weights have 0.

        Args:
            kind: the generalised Gauss-Newton matrix, exactly (`ggn`) or by labels drawn from the model's predictions
                (`ggn-mc`), or the empirical Fisher matrix (`fisher`).
            draws: labels per sample for `ggn-mc`.
            double: compute in float64.
        """
        ...
