"""FORCE: keep the weights whose presence would change the loss of the *pruned* network most; what went may return."""

from pruneproof.api import Criterion, Probe, Source, Tensors


def force(initial: Tensors, probe: Probe) -> Tensors:
    """Return |θ(0) ⊙ g|, g the gradient at the pruned network, pruned weights included.

    De Jorge et al. (2021), arXiv 2006.09081: with θ̄ = m ⊙ θ(0) the network pruned so far, every weight is scored by
    |θ_i ∂L(θ̄)/∂θ̄_i|. A pruned one stands at zero in θ̄ and has a gradient all the same, so that it may score high.

    The method prunes a network at initialisation in 60 steps and lets weights return: `{ do = "prune", criterion =
    "force", schedule = "exponential", iterations = 60, revive = true }`. Iterative SNIP is the same without return:
    criterion `snip` in 60 exponential steps, `revive = false`. At the first step, and in one step, both are SNIP.

    Deviations: the authors' code takes the negative log-likelihood of raw logits, here it is the cross-entropy. As
    there, each step draws samples of its own and BatchNorm uses batch statistics.

    >>> import torch
    >>> class Given:
    ...     def gradients(self, *, dead):
    ...         return {"w": torch.tensor([[3.0, 1.0], [-2.0, 0.0]])}
    >>> force({"w": torch.tensor([[1.0, -2.0], [0.5, 4.0]])}, Given())["w"].tolist()
    [[3.0, 2.0], [1.0, 0.0]]

    Args:
        initial: θ(0), name -> tensor of any shape, also of what is pruned.
        probe: gives g at the pruned network.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞).
    """
    gradient = probe.gradients(dead=True)
    return {name: (weight * gradient[name]).abs() for name, weight in initial.items()}


FORCE = Criterion(
    id="force",
    score=force,
    source=Source(
        authors="de Jorge, Sanyal, Behl, Torr, Rogez, Dokania",
        year=2021,
        title="Progressive Skeletonization: Trimming more fat from a network at initialization",
        arxiv="2006.09081",
        equation="connection sensitivity after pruning",
    ),
    laws=frozenset({"batch-order-invariant", "nonnegative", "zero-for-zero-gradient", "loss-scale-invariant"}),
)
