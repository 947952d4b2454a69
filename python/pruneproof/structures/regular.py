"""Regular structures: filters, rows and blocks, which cut a tensor into a grid."""

from collections.abc import Mapping, Sequence

from pruneproof.api import BadConfig, BadTensor, Source, Structure

Shapes = Mapping[str, tuple[int, ...]]


def filters(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """Return one block per output unit: what one index of the first dimension holds.

    >>> filters({"conv": (8, 3, 3, 3), "fc": (10, 64), "bias": (10,)})
    {'conv': (1, 3, 3, 3), 'fc': (1, 64), 'bias': (1,)}
    """
    return {name: (1, *shape[1:])[: len(shape)] for name, shape in shapes.items()}


def rows(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """Return one block per run along the last dimension: an output unit of a matrix, a row of a convolution's kernel.

    >>> rows({"conv": (8, 3, 3, 3), "fc": (10, 64)})
    {'conv': (1, 1, 1, 3), 'fc': (1, 64)}
    """
    return {name: (*(1 for _ in shape[:-1]), shape[-1]) if shape else () for name, shape in shapes.items()}


def blocks(shapes: Shapes, *, sides: Sequence[int] = (4, 4)) -> dict[str, tuple[int, ...]]:
    """Return blocks of the given sides, one per dimension; those at the far edges are smaller.

    >>> blocks({"fc": (10, 64)}, sides=(4, 2))
    {'fc': (4, 2)}

    Raises:
        BadConfig: a side below 1.
        BadTensor: a tensor with another number of dimensions.
    """
    if not sides or min(sides) < 1:
        raise BadConfig(
            f'structure "block" has the sides {list(sides)}; whole numbers from 1 were expected, as in [4, 4].'
        )
    for name, shape in shapes.items():
        if len(shape) != len(sides):
            raise BadTensor(
                f'"{name}" has shape {shape}, which blocks of {len(sides)} sides do not fit. Name it in `unprunable`.'
            )
    return {name: tuple(sides) for name in shapes}


FILTER = Structure(
    id="filter",
    units=filters,
    source=Source(
        authors="Li, Kadav, Durdanovic, Samet, Graf",
        year=2017,
        title="Pruning Filters for Efficient ConvNets",
        arxiv="1608.08710",
        equation="section 3.1",
    ),
    about="All weights of an output unit: a filter of a convolution, a row of a matrix.",
)
ROW = Structure(
    id="row",
    units=rows,
    source=Source(
        authors="Mao, Han, Pool, Li, Liu, Wang, Dally",
        year=2017,
        title="Exploring the Granularity of Sparsity in Convolutional Neural Networks",
        arxiv="1705.08922",
    ),
    about="A run along the last dimension.",
)
BLOCK = Structure(
    id="block",
    units=blocks,
    source=Source(
        authors="Narang, Undersander, Diamos",
        year=2017,
        title="Block-Sparse Recurrent Neural Networks",
        arxiv="1711.02782",
    ),
    about="Blocks of fixed sides.",
    example={"sides": (1, 2)},
)
