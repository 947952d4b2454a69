"""Count: the same number of units in every tensor, or a number for each."""

from collections.abc import Mapping

from pruneproof.api import BadConfig, Floor, Source


def count(sizes: Mapping[str, int], *, least: int | Mapping[str, int] = 1) -> dict[str, int]:
    """Return `least` for every tensor; of a mapping, what it says, and nothing for the others.

    With a number this is the Minimum Threshold of Global MP, eq. 2: ‖w_l‖₀ >= min(σ, n_l).

    >>> count({"a": 9, "b": 1}, least=2), count({"a": 9, "b": 1}, least={"a": 3})
    ({'a': 2, 'b': 2}, {'a': 3})

    Raises:
        BadConfig: a negative number.
    """
    floors = dict(least) if isinstance(least, Mapping) else dict.fromkeys(sizes, least)
    for name, each in floors.items():
        if each < 0:
            raise BadConfig(f'floor {each} of "{name}" is out of range: a number from 0 was expected.')
    return floors


COUNT = Floor(
    id="count",
    least=count,
    source=Source(
        "Gupta, Camci, Keneta, Vaidyanathan, Kanodia, Foo, Min, Jie",
        2022,
        "Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning",
        "2209.14624",
        "eq. 2",
    ),
    about="Every tensor keeps at least so many units.",
)
