"""Corrupted scoring samples: does a criterion see the data at all?"""

import torch

from pruneproof.api import Source, Transform, Transformed


def redraw_labels(labels: torch.Tensor, classes: int, rng: torch.Generator) -> Transformed:
    """Return labels drawn anew, uniformly and independently.

    The first corruption of Su et al. (2020), arXiv 2009.11094: a criterion whose mask trains as well after it has
    learned nothing from the labels. About one label in `classes` stays what it was.

    >>> labels = torch.zeros(6, dtype=torch.int64)
    >>> redraw_labels(labels, 3, torch.Generator().manual_seed(0)).labels.tolist()
    [2, 0, 2, 0, 1, 0]

    Args:
        labels: int64, (samples,).
        classes: their number.
        rng: a generator on the CPU.
    """
    drawn = torch.randint(classes, labels.shape, generator=rng, dtype=labels.dtype)
    return Transformed(labels=drawn.to(labels.device))


def shuffle_labels(labels: torch.Tensor, rng: torch.Generator) -> Transformed:
    """Return the same labels at other samples: as many of each class as before.

    >>> labels = torch.tensor([0, 0, 1, 2])
    >>> sorted(shuffle_labels(labels, torch.Generator().manual_seed(0)).labels.tolist())
    [0, 0, 1, 2]

    Args:
        labels: int64, (samples,).
        rng: a generator on the CPU.
    """
    return Transformed(labels=labels[torch.randperm(len(labels), generator=rng).to(labels.device)])


def shuffle_pixels(inputs: torch.Tensor, rng: torch.Generator) -> Transformed:
    """Return inputs in which the values of each stand at other places, each input in an order of its own.

    The second corruption of Su et al. (2020): all values of an image are permuted, those of its channels among each
    other. Mean and spread of every input stay, and nothing else does.

    >>> inputs = torch.arange(4.0).reshape(1, 1, 2, 2)
    >>> sorted(shuffle_pixels(inputs, torch.Generator().manual_seed(0)).inputs.flatten().tolist())
    [0.0, 1.0, 2.0, 3.0]

    Args:
        inputs: (samples, ...).
        rng: a generator on the CPU.
    """
    rows = inputs.flatten(1)
    order = torch.rand(rows.shape, generator=rng, dtype=torch.float64).argsort(1).to(inputs.device)
    return Transformed(inputs=rows.gather(1, order).reshape(inputs.shape))


SU = Source(
    authors="Su, Chen, Cai, Wu, Gao, Wang, Lee",
    year=2020,
    title="Sanity-Checking Pruning Methods: Random Tickets can Win the Jackpot",
    arxiv="2009.11094",
)
NOTHING_ELSE = frozenset({"counts", "total", "mask", "weights"})
REDRAW_LABELS = Transform(
    "redraw-labels", redraw_labels, SU, "Draws the labels of scoring samples anew.", keeps=NOTHING_ELSE
)
SHUFFLE_LABELS = Transform(
    "shuffle-labels",
    shuffle_labels,
    SU,
    "Permutes the labels of scoring samples; keeps their counts.",
    keeps=NOTHING_ELSE,
)
SHUFFLE_PIXELS = Transform(
    "shuffle-pixels", shuffle_pixels, SU, "Permutes the values of each scoring sample.", keeps=NOTHING_ELSE
)
