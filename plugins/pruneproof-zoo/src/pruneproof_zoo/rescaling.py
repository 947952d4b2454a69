"""The rescaling trick: what a mask leaves of each layer is brought back to the edge of chaos."""

import torch

from pruneproof.api import BadConfig, Source, Tensors, Transform, Transformed


def sbp_rescaling(weights: Tensors, alive: Tensors, *, variance: float = 2.0) -> Transformed:
    """Return ρ w for each tensor, ρ = √(σ² / mean_i Σ_j w_ij² m_ij): an output's squares add up to σ² in the mean.

    A reading of SBP-SR (Hayou, Ton, Doucet, Teh 2021, arXiv 2002.08797): the surviving weights of each layer are
    multiplied by one number, so that the masked network is on the edge of chaos as its initialisation was, for ReLU at
    σ² = 2 without biases. The paper's formula was not at hand: ρ is defined here by that law, with the mask in force.
    SBP's score itself is that of `snip`.

    Apply it once, after pruning at initialisation and before training. Before batch normalisation it does nothing but
    change the effective learning rate. Tensors with one dimension, and those with nothing but zeros alive, stay.

    >>> weights = {"w": torch.tensor([[1.0, 3.0], [0.5, 5.0]])}
    >>> alive = {"w": torch.tensor([[True, False], [True, False]])}
    >>> [[round(each, 4) for each in row] for row in sbp_rescaling(weights, alive).state["w"].tolist()]
    [[1.7889, 0.0], [0.8944, 0.0]]

    Args:
        weights: the prunable weights, (outputs, inputs, ...).
        alive: name -> bool mask.
        variance: σ² above 0.

    Raises:
        BadConfig: a variance of zero or less.
    """
    if not variance > 0:
        raise BadConfig(f"sbp-rescaling got the variance {variance}; a number above 0 was expected.")
    state = {}
    for name, weight in weights.items():
        left = torch.where(alive[name], weight, 0.0).double()
        if left.dim() > 1 and left.any():
            state[name] = (left * (variance / left.flatten(1).square().sum(1).mean()).sqrt()).to(weight.dtype)
    return Transformed(state=state)


SBP_RESCALING = Transform(
    id="sbp-rescaling",
    transform=sbp_rescaling,
    source=Source(
        authors="Hayou, Ton, Doucet, Teh",
        year=2021,
        title="Robust Pruning at Initialization",
        arxiv="2002.08797",
        equation="the rescaling trick, by its law; the formula was not at hand",
    ),
    about="Multiplies each tensor by one number, so that what is alive keeps the signal's variance; keeps the mask.",
    keeps=frozenset({"counts", "total", "mask"}),
)
