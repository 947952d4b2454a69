"""N:M: of every M neighbours along an axis the best N weights."""

from collections.abc import Mapping

from pruneproof.api import BadConfig, BadTensor, Source, Structure


def groups(
    shapes: Mapping[str, tuple[int, ...]], *, keep: int = 2, group: int = 4, axis: int = 1
) -> dict[str, tuple[int, ...]]:
    """Return one block per group of `group` neighbours along `axis`.

    >>> groups({"conv": (8, 4, 3, 3), "fc": (10, 64)})
    {'conv': (1, 4, 1, 1), 'fc': (1, 4)}

    Args:
        shapes: name -> shape.
        keep: weights of each group that stay, in [1, group].
        group: neighbours in a group; must divide the size of the axis.
        axis: the dimension along which groups are counted; negative ones count from the last.

    Raises:
        BadConfig: a number of survivors that is none, or more than the group has.
        BadTensor: a tensor without that axis, or whose axis is no multiple of the group.
    """
    survivors(keep=keep, group=group, axis=axis)
    found = {}
    for name, shape in shapes.items():
        if not -len(shape) <= axis < len(shape) or shape[axis] % group:
            raise BadTensor(
                f'"{name}" has shape {shape}, which cannot be cut into groups of {group} along dimension {axis}. Name '
                "it in `unprunable`, or choose another `axis`."
            )
        sides = [1] * len(shape)
        sides[axis] = group
        found[name] = tuple(sides)
    return found


def survivors(*, keep: int = 2, group: int = 4, axis: int = 1) -> int:
    """Return how many weights of each group stay.

    Raises:
        BadConfig: as `groups`.
    """
    if not 0 < keep < group:
        raise BadConfig(
            f'structure "{keep}:{group}" is not understood. Write N:M with 0 < N < M as in "2:4", to keep N of every M.'
        )
    return keep


N_OF_M = Structure(
    id="n-of-m",
    units=groups,
    keep=survivors,
    source=Source(
        authors="Zhou, Ma, Zhu, Liu, Zhang, Yuan, Sun, Li",
        year=2021,
        title="Learning N:M Fine-grained Structured Sparse Neural Networks From Scratch",
        arxiv="2102.04010",
    ),
    about="Of every M neighbours along an axis the best N weights stay.",
    example={"keep": 1, "group": 2},
)
