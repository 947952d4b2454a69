"""Share of tensor: a fraction of each tensor's own units."""

from collections.abc import Mapping

from pruneproof.api import BadConfig, Floor, Source, decimal_floor


def share_of_tensor(sizes: Mapping[str, int], *, share: float = 0.05, plus: int = 0) -> dict[str, int]:
    """Return floor(share · n_l) + plus for each tensor l of n_l units, the product taken in decimal.

    The release of Lubana & Dick (2021) keeps int(5 %) + 1 filters of each layer: share 0.05, plus 1. There these are
    the last filters by index; here, as everywhere, a floor protects the best ones.

    >>> share_of_tensor({"a": 64, "b": 512}, share=0.05, plus=1)
    {'a': 4, 'b': 26}

    Raises:
        BadConfig: a share outside [0, 1) or a negative number.
    """
    if not 0 <= share < 1 or plus < 0:
        raise BadConfig(
            f"a floor of the share {share} plus {plus} is out of range: a share in [0, 1) and a number from 0 were "
            "expected."
        )
    return {name: decimal_floor(share, size) + plus for name, size in sizes.items()}


SHARE_OF_TENSOR = Floor(
    id="share-of-tensor",
    least=share_of_tensor,
    source=Source(
        "Lubana, Dick",
        2021,
        "A Gradient Flow Framework For Analyzing Network Pruning",
        "2009.11839",
        "code: pruner.py",
    ),
    about="Every tensor keeps at least a share of its own units.",
)
