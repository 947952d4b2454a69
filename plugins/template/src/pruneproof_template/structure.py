"""A structure: the weights that read one input live and die together."""

from collections.abc import Iterable, Mapping

from pruneproof.api import Source, Structure, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_structure(shapes: Mapping[str, tuple[int, ...]], *, axis: int = 1) -> dict[str, tuple[int, ...]]:
    """Return the sides of one unit of each tensor: 1 along `axis`, everything along the other dimensions.

    A tensor without that dimension is one unit.

    >>> template_structure({"conv": (8, 4, 3, 3), "fc": (10, 64)})
    {'conv': (8, 1, 3, 3), 'fc': (10, 1)}

    Args:
        shapes: name -> shape of each prunable tensor, outputs first, then inputs. The name of a positional parameter is
            an ingredient: shapes, module or example.
        axis: an option. Keyword-only parameters with defaults become config keys.
    """
    return {
        name: tuple(1 if dimension == axis else side for dimension, side in enumerate(shape))
        for name, shape in shapes.items()
    }


TEMPLATE_STRUCTURE = Structure(
    id="template-structure",
    units=template_structure,
    source=Source(authors="A. Reader", year=2026, title="An example"),
    about="All weights that read one input of their layer.",
)


@hookimpl
def pruneproof_structures() -> Iterable[Structure]:
    """Register the structure."""
    return [TEMPLATE_STRUCTURE]
