"""Shuffles of a mask: does it matter which weights were kept, or only how many?"""

import torch

from pruneproof.api import Source, Tensors, Transform, Transformed


def shuffle_within_layers(alive: Tensors, rng: torch.Generator) -> Transformed:
    """Return masks in which each tensor has its alive weights elsewhere, all other places being equally likely.

    The layer-wise rearrangement of Su et al. (2020), arXiv 2009.11094, and the shuffle of Frankle et al. (2021), arXiv
    2009.08576. A tensor's mask changes wherever another one of the same count exists.

    The weights stay as they were. Where pruned weights have been zeroed by training, rewind before training goes on:
    otherwise places that come alive start at zero.

    >>> alive = {"w": torch.tensor([[True, False], [False, False]])}
    >>> changed = shuffle_within_layers(alive, torch.Generator().manual_seed(0)).alive["w"]
    >>> int(changed.sum()), bool(changed[0, 0])
    (1, False)

    Args:
        alive: name -> bool mask.
        rng: a generator on the CPU; tensors draw in name order.
    """
    moved = {name: _shuffled(alive[name].flatten(), rng).reshape(alive[name].shape) for name in sorted(alive)}
    return Transformed(alive={name: moved[name] for name in alive})


def shuffle_globally(alive: Tensors, rng: torch.Generator) -> Transformed:
    """Return masks with the same number of alive weights in all, anywhere: tensors get counts in proportion to size.

    The mask changes wherever another one of the same count exists. The weights stay: see `shuffle_within_layers`.

    >>> alive = {"a": torch.tensor([True, True]), "b": torch.tensor([False, False, False])}
    >>> changed = shuffle_globally(alive, torch.Generator().manual_seed(0)).alive
    >>> int(changed["a"].sum() + changed["b"].sum()), bool(changed["a"].all())
    (2, False)

    Args:
        alive: name -> bool mask.
        rng: a generator on the CPU; tensors are laid out in name order.
    """
    names = sorted(alive)
    row = torch.cat([alive[name].flatten() for name in names]) if names else torch.zeros(0, dtype=torch.bool)
    parts = torch.split(_shuffled(row, rng), [alive[name].numel() for name in names])
    moved = {name: part.reshape(alive[name].shape) for name, part in zip(names, parts, strict=True)}
    return Transformed(alive={name: moved[name] for name in alive})


def shuffle_filters(scores: Tensors, alive: Tensors, rng: torch.Generator) -> dict[str, torch.Tensor]:
    """Return scores in which the filters of each tensor have changed places, those that are alive among themselves.

    Which filters a layer keeps is then chance; how many is what the scores say. The control of Frankle et al. (2021),
    arXiv 2009.08576, for structured pruning: where a measure does no better than this, its allocation is all it has.

    >>> scores = {"w": torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])}
    >>> alive = {"w": torch.tensor([[True, True], [False, False], [True, True]])}
    >>> shuffle_filters(scores, alive, torch.Generator().manual_seed(1))["w"].tolist()
    [[5.0, 6.0], [3.0, 4.0], [1.0, 2.0]]

    Args:
        scores: name -> scores, output units first.
        alive: name -> bool mask; a filter with a weight that is alive is alive.
        rng: a generator on the CPU; tensors draw in name order.
    """
    return {name: _filters_shuffled(scores[name], alive[name], rng) for name in sorted(scores)}


def _filters_shuffled(scores: torch.Tensor, alive: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    if not scores.dim():
        return scores.clone()
    places = (alive.flatten(1).any(1) if alive.dim() > 1 else alive).nonzero().flatten()
    moved = scores.clone()
    moved[places] = scores[places[torch.randperm(len(places), generator=rng).to(places.device)]]
    return moved


def _shuffled(row: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Return another arrangement of a row of flags, uniform among all others; the same where there is no other."""
    if row.all() or not row.any():
        return row.clone()
    while True:  # at worst one of two flags is alive, and every second draw is the row itself
        found = row[torch.randperm(len(row), generator=rng).to(row.device)]
        if not torch.equal(found, row):
            return found


SU = Source(
    authors="Su, Chen, Cai, Wu, Gao, Wang, Lee",
    year=2020,
    title="Sanity-Checking Pruning Methods: Random Tickets can Win the Jackpot",
    arxiv="2009.11094",
)
FRANKLE = Source(
    authors="Frankle, Dziugaite, Roy, Carbin",
    year=2021,
    title="Pruning Neural Networks at Initialization: Why Are We Missing the Mark?",
    arxiv="2009.08576",
    equation="shuffles there are layer-wise; over the whole network is ours",
)
SHUFFLE_WITHIN_LAYERS = Transform(
    id="shuffle-within-layers",
    transform=shuffle_within_layers,
    source=SU,
    about="Moves each tensor's alive weights to other places; keeps its count, and the weights.",
    keeps=frozenset({"counts", "total", "weights"}),
)
SHUFFLE_FILTERS = Transform(
    id="shuffle-filters",
    transform=shuffle_filters,
    source=FRANKLE,
    about="Moves the scores of each tensor's living filters among them: the counts stay, the choice is chance.",
    expected_failures={"seed-used": "the only living filter of a tensor has no other place"},
)
SHUFFLE_GLOBALLY = Transform(
    id="shuffle-globally",
    transform=shuffle_globally,
    source=FRANKLE,
    about="Moves the alive weights to other places of any tensor; keeps their number in all, and the weights.",
    keeps=frozenset({"total", "weights"}),
)
