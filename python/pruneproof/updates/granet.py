"""GraNet: prune gradually while training, and regrow what the gradient asks for."""

import torch

from pruneproof.api import BadConfig, Source, Tensors, Update, keep_count, proportional, select_masks
from pruneproof.updates.drop_and_grow import annealed, drop_and_grow


def granet(
    weights: Tensors,
    alive: Tensors,
    grads: Tensors,
    sparsity: float,
    progress: float,
    *,
    initial: float = 0.5,
    pruned_by: float = 0.6875,
    drop: float = 0.5,
    least_drop: float = 0.005,
    scope: str = "global",
) -> Tensors:
    """Return masks after a step of gradual magnitude pruning and, in each tensor, one of drop and grow.

    Liu et al. (2021), arXiv 2106.10404. Of N weights N - floor(s N) stay, the largest |θ| of those alive, with
    s = s_f + (s_i - s_f)(1 - τ)³ and τ = min(1, progress / pruned_by). Then each tensor of a alive weights drops the
    floor(f a) of smallest |θ| and grows as many of largest |∂L/∂θ| among all that are then dead; f falls along a cosine
    from `drop` to `least_drop`. What comes back starts at zero, without momentum.

    Counts are exact after every move, and the final one is reached if a move falls into the window at or after
    `pruned_by`. Give 0.5 for the 80 of 160 epochs in the authors' scripts; 110 of 160 is their code's default.

    Deviations: as with every update the move takes the place of the optimizer's step; the authors' threshold, a strict
    one, removes a weight more. Of equals the first stay and grow.

    >>> weights = {"w": torch.tensor([4.0, 3.0, 2.0, 1.0])}
    >>> alive, grads = {"w": torch.ones(4, dtype=torch.bool)}, {"w": torch.tensor([0.0, 0.0, 0.0, 9.0])}
    >>> granet(weights, alive, grads, 0.5, 1.0, initial=0.0, least_drop=0.0)["w"].tolist()
    [True, True, False, False]
    >>> granet(weights, alive, grads, 0.5, 1.0, initial=0.0, drop=0.5, least_drop=0.5)["w"].tolist()
    [True, False, False, True]

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        alive: the masks so far.
        grads: ∂L/∂θ on this batch, dead weights included.
        sparsity: s_f, the method's.
        progress: in [0, 1].
        initial: s_i, the sparsity of the mask that training starts with, at most s_f; 0 from a dense network.
        pruned_by: the progress at which s reaches s_f, in (0, 1].
        drop: fraction of a tensor's alive weights that is exchanged at progress 0, in [0, 1].
        least_drop: the same at progress 1.
        scope: whose weights compete when pruning: those of all tensors ("global", as there) or of each ("tensor", which
            keeps the tensors' proportions).

    Raises:
        BadConfig: an option out of range.
    """
    if scope not in ("global", "tensor"):
        raise BadConfig(f'the scope of granet is "{scope}"; "global" or "tensor" was expected.')
    if not 0.0 <= initial <= sparsity or not 0.0 < pruned_by <= 1.0:
        raise BadConfig(
            f"granet got initial = {initial} and pruned_by = {pruned_by}; a sparsity from 0 to {sparsity} and a "
            "progress in (0, 1] were expected."
        )
    left = (1.0 - min(1.0, progress / pruned_by)) ** 3
    keep = keep_count(sum(each.numel() for each in alive.values()), sparsity + (initial - sparsity) * left)
    fraction = annealed(drop, progress, least=least_drop)
    return drop_and_grow(weights, _pruned(weights, alive, keep, scope), lambda name: grads[name].abs(), fraction)


def _pruned(weights: Tensors, alive: Tensors, keep: int, scope: str) -> Tensors:
    """Return the masks of the `keep` largest alive weights; the masks themselves where no more are alive."""
    counts = {name: int(mask.sum()) for name, mask in alive.items()}
    if sum(counts.values()) <= keep:
        return alive
    size = {name: torch.where(alive[name], each.abs().double(), -1.0) for name, each in weights.items()}
    if scope == "global":
        return select_masks(size, keep=keep).to_tensors()
    shares = proportional(counts, keep)
    return {name: select_masks({name: size[name]}, keep=shares[name])[name] for name in weights}


GRANET = Update(
    id="granet",
    update=granet,
    source=Source(
        authors="Liu, Chen, Chen, Atashgahi, Yin, Kou, Shen, Pechenizkiy, Wang, Mocanu",
        year=2021,
        title="Sparse Training via Boosting Pruning Plasticity with Neuroregeneration",
        arxiv="2106.10404",
    ),
    revives=True,
    keeps_count=False,
    laws=frozenset({"drops-smallest", "grows-steepest"}),
)
