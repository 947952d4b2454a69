"""Signed constant: weights of one magnitude, with the signs that they had."""

import math

from pruneproof.api import BadConfig, Source, Tensors, Transform, Transformed


def signed_constant(weights: Tensors, *, gain: float = math.sqrt(2.0)) -> Transformed:
    """Return σ sign(w), σ = gain / √fan_in: the standard deviation of Kaiming's normal distribution.

    The initialisation under which Ramanujan et al. (2020), arXiv 1911.13299, find their best subnetworks: all weights
    of a tensor have the same magnitude, so that a mask decides by place and sign alone. Biases stay as they are; a
    weight of zero stays zero.

    Where the authors scale σ by the fraction κ of weights that is kept, gain is √(2/κ).

    >>> import torch
    >>> signed_constant({"w": torch.tensor([[0.3, -2.0], [0.0, 1.0]])}, gain=2.0**0.5).state["w"].tolist()
    [[1.0, -1.0], [0.0, 1.0]]

    Args:
        weights: the prunable weights, (outputs, inputs, ...).
        gain: above 0; √2 is that of ReLU.

    Raises:
        BadConfig: a gain of zero or less.
    """
    if not gain > 0:
        raise BadConfig(f"the gain is {gain}; a number above 0 was expected.")
    return Transformed(
        state={
            name: weight.sign() * (gain / math.sqrt(max(math.prod(weight.shape[1:]), 1)))
            for name, weight in weights.items()
        }
    )


SIGNED_CONSTANT = Transform(
    id="signed-constant",
    transform=signed_constant,
    source=Source(
        authors="Ramanujan, Wortsman, Kembhavi, Farhadi, Rastegari",
        year=2020,
        title="What's Hidden in a Randomly Weighted Neural Network?",
        arxiv="1911.13299",
    ),
    about="Gives all weights of a tensor one magnitude and their old signs; keeps the mask.",
    keeps=frozenset({"counts", "total", "mask"}),
)
