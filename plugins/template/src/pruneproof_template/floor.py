"""A floor: every tensor keeps a share of what it would keep if all were pruned alike."""

from collections.abc import Iterable, Mapping

from pruneproof.api import BadConfig, Floor, Source, decimal_floor, hookimpl, keep_count

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_floor(sizes: Mapping[str, int], sparsity: float, *, share: float = 0.1) -> dict[str, int]:
    """Return floor(share · (n_l - floor(sparsity · n_l))) for each tensor l of n_l units.

    >>> template_floor({"a": 100, "b": 4000}, 0.9, share=0.5)
    {'a': 5, 'b': 200}

    Args:
        sizes: name -> number of units. The name of a positional parameter is an ingredient: sizes, sparsity or scores.
        sparsity: the fraction of all units to remove, in [0, 1).
        share: an option. Keyword-only parameters with defaults become config keys.

    Raises:
        BadConfig: a share outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise BadConfig(f"a floor of the share {share} is out of range: a number in [0, 1] was expected.")
    return {name: decimal_floor(share, keep_count(size, sparsity)) for name, size in sizes.items()}


TEMPLATE_FLOOR = Floor(
    id="template-floor",
    least=template_floor,
    source=Source(authors="A. Reader", year=2026, title="An example"),
    about="Every tensor keeps a share of what it would keep if all were pruned alike.",
)


@hookimpl
def pruneproof_floors() -> Iterable[Floor]:
    """Register the floor."""
    return [TEMPLATE_FLOOR]
