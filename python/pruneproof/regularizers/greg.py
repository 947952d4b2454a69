"""Growing L2: push weights that are to be pruned towards zero, a little harder every few steps."""

import torch

from pruneproof.api import BadConfig, Regularizer, Source, Tensors


def growing_l2(
    weights: Tensors,
    marked: Tensors,
    step: int,
    *,
    delta: float = 1e-4,
    every: int = 10,
    ceiling: float = 1.0,
) -> torch.Tensor:
    """Return λ_t/2 Σ w² over the marked weights, λ_t = min(delta · (floor(t / every) + 1), ceiling).

    GReg-1 of Wang, Qin, Zhang, Fu (2021), arXiv 2012.09243: the L2 factor of the weights chosen to be pruned (there the
    filters of smallest L1 norm), and of no others, grows by δλ every so many steps. The gradient of the penalty is λ w,
    as in the authors' code, which also takes the first δλ at step 0. Afterwards the marked weights are pruned; the
    training can hold the ceiling as long as it likes.

    Deviation: the authors' code also stops growing where the mean magnitude of the kept weights has been 1000 times
    that of the marked ones; here only the ceiling stops it.

    >>> weights, marked = {"w": torch.tensor([2.0, 1.0])}, {"w": torch.tensor([True, False])}
    >>> [round(growing_l2(weights, marked, t, delta=0.1, every=2, ceiling=0.25).item(), 4) for t in range(6)]
    [0.2, 0.2, 0.4, 0.4, 0.5, 0.5]

    Args:
        weights: the prunable weights, dead ones zero.
        marked: name -> true where a weight is to be pruned.
        step: t, optimizer steps done, from 0.
        delta: δλ, at least 0; 1e-4 in the authors' code.
        every: steps between two increases, from 1; 10 in the authors' code for CIFAR, 5 for ImageNet.
        ceiling: largest λ, at least 0; 1 in the authors' code.

    Raises:
        BadConfig: an option out of range.
    """
    if delta < 0 or every < 1 or ceiling < 0:
        raise BadConfig(
            f"growing-l2 got delta {delta}, every {every} and ceiling {ceiling}; delta and ceiling from 0 and a whole "
            "number of steps from 1 were expected."
        )
    factor = min(delta * (step // every + 1), ceiling)
    parts = [(weights[name] * where).square().sum() for name, where in marked.items()]
    return factor / 2 * torch.stack(parts).sum() if parts else torch.zeros(())


GROWING_L2 = Regularizer(
    id="growing-l2",
    penalty=growing_l2,
    source=Source(
        authors="Wang, Qin, Zhang, Fu",
        year=2021,
        title="Neural Pruning via Growing Regularization",
        arxiv="2012.09243",
        equation="GReg-1",
    ),
)
