"""Re-initialise: other random weights under the same mask."""

from pruneproof.api import Source, Tensors, Transform, Transformed


def re_initialise(fresh: Tensors) -> Transformed:
    """Return the whole state of the same network, initialised by another stream of the run's seed.

    The reinitialisation of Frankle & Carbin (2019), arXiv 1803.03635, section 2, and Frankle et al. (2021), arXiv
    2009.08576: if a mask trains as well from other weights, it does not depend on those that it was found with. Biases,
    BatchNorm's parameters and running statistics are fresh too.

    >>> import torch
    >>> re_initialise({"w": torch.tensor([0.5])}).state["w"].tolist()
    [0.5]

    Args:
        fresh: the state dict of the network, newly initialised.
    """
    return Transformed(state=dict(fresh))


RE_INITIALISE = Transform(
    id="re-initialise",
    transform=re_initialise,
    source=Source(
        authors="Frankle, Carbin",
        year=2019,
        title="The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
        arxiv="1803.03635",
        equation="section 2",
    ),
    about="Draws all weights anew; keeps the mask.",
    keeps=frozenset({"counts", "total", "mask"}),
)
