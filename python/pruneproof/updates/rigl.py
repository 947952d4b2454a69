"""RigL: drop the smallest weights, grow where the loss is steepest."""

from pruneproof.api import Source, Tensors, Update
from pruneproof.updates.drop_and_grow import annealed, drop_and_grow


def rigl(weights: Tensors, alive: Tensors, grads: Tensors, progress: float, *, drop: float = 0.3) -> Tensors:
    """Return masks in which the smallest weights of each tensor have made room for those of largest |gradient|.

    Evci, Gale, Menick, Castro, Elsen (2020), arXiv 1911.11134, algorithm 1: of a alive weights of a tensor the
    n = floor(f a) of smallest |θ| are dropped, and the n of largest |∂L/∂θ| among all that are then dead are grown;
    f = drop/2 · (1 + cos(π t / T_end)). A weight that was just dropped may be grown again, as there; it then keeps its
    value and its momentum. The training loop sets the others that come back to zero, without momentum, and takes no
    optimizer step where the mask moves, as there.

    Deviation: the authors' code adds noise of standard deviation 1e-5 to |θ|. Here ties go by index, lower ones first.

    >>> import torch
    >>> weights, alive = {"w": torch.tensor([3.0, 0.1, 2.0, 0.0])}, {"w": torch.tensor([True, True, True, False])}
    >>> rigl(weights, alive, {"w": torch.tensor([0.0, 0.1, 0.0, -5.0])}, 0.0, drop=0.5)["w"].tolist()
    [True, False, True, True]
    >>> rigl(weights, alive, {"w": torch.tensor([0.0, 0.1, 0.0, -5.0])}, 1.0)["w"].tolist()
    [True, True, True, False]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        alive: the masks so far.
        grads: ∂L/∂θ on this batch, dead weights included.
        progress: t / T_end, in [0, 1].
        drop: fraction of the alive weights that is dropped at t = 0, in [0, 1]; 0.3 in the authors' code for CIFAR-10.

    Raises:
        BadConfig: a fraction outside [0, 1].
    """
    return drop_and_grow(weights, alive, lambda name: grads[name].abs(), annealed(drop, progress))


RIGL = Update(
    id="rigl",
    update=rigl,
    source=Source(
        authors="Evci, Gale, Menick, Castro, Elsen",
        year=2020,
        title="Rigging the Lottery: Making All Tickets Winners",
        arxiv="1911.11134",
        equation="algorithm 1",
    ),
    revives=True,
    laws=frozenset({"drops-smallest", "grows-steepest", "stops-at-end"}),
)
