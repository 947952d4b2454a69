"""SET: drop the smallest weights, grow at random."""

import torch

from pruneproof.api import Source, Tensors, Update
from pruneproof.updates.drop_and_grow import annealed, drop_and_grow


def set_(weights: Tensors, alive: Tensors, rng: torch.Generator, progress: float, *, drop: float = 0.3) -> Tensors:
    """Return masks in which the smallest weights of each tensor have made room for others, drawn at random.

    Mocanu, Mocanu, Stone, Nguyen, Gibescu, Liotta (2018), arXiv 1707.04780, as Evci et al. (2020), arXiv 1911.11134,
    compare with it: of a alive weights of a tensor the n = floor(f a) of smallest |θ| are dropped, and n of all that
    are then dead are grown; f = drop/2 · (1 + cos(π t / T_end)). A weight that was just dropped may be drawn; it then
    keeps its value.

    Deviations: the first publication removes the smallest positive and the largest negative weights at the end of an
    epoch, a constant fraction of each (from memory, unverified). Evci et al. take an optimizer step before the mask
    moves; here, as with every update, the move takes the place of the step.

    >>> weights, alive = {"w": torch.tensor([3.0, 0.1, 2.0, 0.0])}, {"w": torch.tensor([True, True, True, False])}
    >>> moved = set_(weights, alive, torch.Generator().manual_seed(0), 0.0, drop=0.5)["w"]
    >>> moved[[0, 2]].tolist(), int(moved.sum())
    ([True, True], 3)

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        alive: the masks so far.
        rng: a generator on the CPU; tensors draw in name order.
        progress: t / T_end, in [0, 1].
        drop: fraction of the alive weights that is dropped at t = 0, in [0, 1].

    Raises:
        BadConfig: a fraction outside [0, 1].
    """

    def draw(name: str) -> torch.Tensor:
        return torch.rand(weights[name].shape, generator=rng, dtype=torch.float64).to(weights[name].device)

    return drop_and_grow(weights, alive, draw, annealed(drop, progress))


SET = Update(
    id="set",
    update=set_,
    source=Source(
        authors="Mocanu, Mocanu, Stone, Nguyen, Gibescu, Liotta",
        year=2018,
        title="Scalable Training of Artificial Neural Networks with Adaptive Sparse Connectivity inspired by Network "
        "Science",
        arxiv="1707.04780",
    ),
    revives=True,
    laws=frozenset({"stops-at-end"}),
    expected_failures={
        "drops-smallest": "a weight that was just dropped may be drawn again, and a larger one not",
        "grows-steepest": "what grows is drawn at random",
    },
)
