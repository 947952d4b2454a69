"""Share of all: a percentage of all prunable units, as a count for every tensor."""

from collections.abc import Mapping

from pruneproof.api import BadConfig, Floor, Source, decimal_floor


def percent_of(size: int, percent: float) -> int:
    """Return floor(percent% of `size`), the product taken in decimal.

    >>> percent_of(1000, 0.5), percent_of(999, 0.5)
    (5, 4)

    Raises:
        BadConfig: `percent` lies outside [0, 100).
    """
    if not 0 <= percent < 100:
        raise BadConfig(
            f"a floor of {percent} % of all weights is out of range: a percentage in [0, 100) was expected."
        )
    return decimal_floor(percent, size) // 100


def share_of_all(sizes: Mapping[str, int], *, percent: float = 0.05) -> dict[str, int]:
    """Return floor(percent% · N) for every tensor, N the number of all prunable units.

    >>> share_of_all({"a": 900, "b": 100}, percent=0.5)
    {'a': 5, 'b': 5}

    Raises:
        BadConfig: `percent` lies outside [0, 100).
    """
    return dict.fromkeys(sizes, percent_of(sum(sizes.values()), percent))


SHARE_OF_ALL = Floor(
    id="share-of-all",
    least=share_of_all,
    source=Source(
        "Gupta, Camci, Keneta, Vaidyanathan, Kanodia, Foo, Min, Jie",
        2022,
        "Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning",
        "2209.14624",
        "eq. 2; supplement: Minimum Threshold in percent of all weights",
    ),
    about="Every tensor keeps at least so many percent of *all* prunable units.",
)
