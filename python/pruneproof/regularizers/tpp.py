"""TPP: take apart the filters that are to be pruned from those that stay, then let them vanish."""

import torch

from pruneproof.api import BadConfig, Regularizer, Source, Tensors
from pruneproof.regularizers.greg import grown, squares


def tpp(
    weights: Tensors,
    parameters: Tensors,
    alive: Tensors,
    marked: Tensors,
    scales: Tensors,
    shifts: Tensors,
    step: int,
    *,
    factor: float = 1000.0,
    delta: float = 1e-4,
    every: int = 10,
    ceiling: float = 1.0,
    normalisation: bool = True,
) -> torch.Tensor:
    """Return λ_t (factor Σ_l 1/n_l² Σ_{i or j marked} G_ij² + 1/2 Σ w² + 1/2 Σ (γ² + β²)), G = W Wᵀ of layer l.

    Trainability preserving pruning: the Gram matrix of the n filters of a layer shall have zeros in the rows and
    columns of those to be pruned, so that removing them leaves what the others compute together alone; the entries of
    two kept filters are not touched. In the authors' code this is the mean squared distance of W Wᵀ from itself,
    detached, with those rows and columns zero: the same value and gradient.

    The other sums pull at the marked weights, as GReg-1 does, at the biases of marked filters, and at scale γ and shift
    β of the normalisation behind them. λ_t = min(delta · floor(t / every), ceiling): as in the authors' code, and
    unlike GReg's, it is 0 before the first increase. A filter is marked when all its weights are.

    Deviations from that code: while λ is held, it sets one layer's marked filters to zero every 100 steps (and needs
    normalisation behind each); here they are only pulled until they are pruned. It has the weight of the last layer's λ
    on the sum over layers, which are all equal.

    >>> weights = {"w": torch.tensor([[1.0, 0.0], [1.0, 2.0]])}
    >>> alive, marked = {"w": torch.ones(2, 2).bool()}, {"w": torch.tensor([[True, True], [False, False]])}
    >>> tpp(weights, {}, alive, marked, {}, {}, 1, factor=4.0, delta=0.5, every=1).item()  # (3 · 1² + 1/2) / 2
    1.75

    Args:
        weights: the prunable weights, dead ones zero.
        parameters: all parameters; the bias of `x.weight` is `x.bias`.
        alive: name -> bool mask.
        marked: name -> true where a weight is to be pruned; whole filters.
        scales: name -> γ of the normalisation that follows, where one does.
        shifts: name -> β likewise.
        step: t, optimizer steps done, from 0.
        factor: at least 0; 1000 in the authors' code.
        delta: δλ, at least 0; 1e-4 in the authors' code.
        every: steps between two increases, from 1; 10 in their scripts for CIFAR and MNIST, 5 for ImageNet.
        ceiling: largest λ, at least 0; 1 in the authors' code.
        normalisation: whether γ and β are pulled.

    Raises:
        BadConfig: an option out of range.
    """
    if factor < 0:
        raise BadConfig(f"the factor of tpp is {factor}; a number from 0 was expected.")
    size = grown("tpp", step // max(every, 1), delta=delta, every=every, ceiling=ceiling)
    pull, apart = squares(weights, marked), torch.zeros(())
    for name, where in marked.items():
        filters = where.flatten(1).all(1) if where.dim() > 1 and where.numel() else torch.zeros(())
        if not filters.any():
            continue
        matrix = (weights[name] * alive[name]).flatten(1)
        apart = apart + ((matrix @ matrix.T) * (filters[:, None] | filters)).square().mean()
        followers = [scales[name], shifts[name]] if normalisation and name in scales else []
        for each in [*_bias(parameters, name, len(filters)), *followers]:
            pull = pull + (each * filters).square().sum()
    return size * (factor * apart + pull / 2)


def _bias(parameters: Tensors, name: str, filters: int) -> list[torch.Tensor]:
    found = parameters.get(f"{name.removesuffix('weight')}bias")
    return [] if found is None or found.shape != (filters,) else [found]


TPP = Regularizer(
    id="tpp",
    penalty=tpp,
    source=Source(
        authors="Wang, Fu",
        year=2023,
        title="Trainability Preserving Neural Pruning",
        arxiv="2207.12534",
        equation="eq. 3 and 5; code: scheme v5",
    ),
)
