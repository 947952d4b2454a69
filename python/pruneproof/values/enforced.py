"""Masks held against the weights of a network in training, and against their gradients."""

from collections.abc import Mapping

import torch

from pruneproof.errors import BadTensor
from pruneproof.values.mask_apply import bits_of


class Enforced:
    """Weights by name, and which of their elements are alive.

    >>> weight = torch.nn.Parameter(torch.tensor([-1.0, 2.0]))
    >>> Enforced({"w": weight}, {"w": torch.tensor([False, True])}).mask_weights()
    >>> weight.tolist()
    [0.0, 2.0]
    """

    def __init__(self, weights: Mapping[str, torch.Tensor], alive: Mapping[str, torch.Tensor]) -> None:
        """Take the weights, and a bool mask of each."""
        self.weights = dict(weights)
        # All bits of an alive weight, none of a dead one.
        self.keep = {name: -mask.to(weights[name].device, bits_of(weights[name]).dtype) for name, mask in alive.items()}

    @torch.no_grad()
    def mask_gradients(self) -> None:
        """Set the gradients of dead weights to zero, whatever they were; weights without one are passed over.

        Raises:
            BadTensor: a sparse gradient.
        """
        for name, weight in self.weights.items():
            if weight.grad is not None:
                if weight.grad.layout != torch.strided:
                    raise BadTensor(
                        f'the gradient of "{name}" has the layout {weight.grad.layout}; a dense one was expected. Make '
                        "the layer without `sparse=True`."
                    )
                self._mask(name, weight.grad)

    @torch.no_grad()
    def mask_weights(self) -> None:
        """Set dead weights to +0.0, whatever they were (a product with the mask would leave -0.0 and NaN)."""
        for name, weight in self.weights.items():
            self._mask(name, weight)

    def _mask(self, name: str, floats: torch.Tensor) -> None:
        bits, keep = bits_of(floats), self.keep[name]
        if keep.device != bits.device or keep.dtype != bits.dtype:  # the network was moved meanwhile
            keep = self.keep[name] = keep.to(bits.device, bits.dtype)
        bits.bitwise_and_(keep)
