"""Invert: keep what a criterion would have pruned."""

from pruneproof.api import Source, Tensors, Transform


def invert(scores: Tensors) -> Tensors:
    """Return -S: the ranking turned around.

    The inversion of Frankle et al. (2021), arXiv 2009.08576: a criterion whose inverse does as well does not find what
    matters. It reverses the order of all weights, of different tensors too where they compete.

    >>> import torch
    >>> invert({"w": torch.tensor([1.0, -3.0])})["w"].tolist()
    [-1.0, 3.0]

    Args:
        scores: name -> scores of any shape.
    """
    return {name: -each for name, each in scores.items()}


INVERT = Transform(
    id="invert",
    transform=invert,
    source=Source(
        authors="Frankle, Dziugaite, Roy, Carbin",
        year=2021,
        title="Pruning Neural Networks at Initialization: Why Are We Missing the Mark?",
        arxiv="2009.08576",
    ),
    about="Negates scores, so that what would be pruned first is kept.",
)
