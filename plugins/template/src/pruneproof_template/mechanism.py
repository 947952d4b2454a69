"""A mechanism: magnitude pruning does not see the scale of the weights."""

from collections.abc import Iterable, Sequence

import torch

from pruneproof.api import Fact, Mechanism, hookimpl, select

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_mechanism(
    *, size: int = 1000, sparsities: Sequence[float] = (0.5, 0.9), factor: float = 4.0, seed: int = 0
) -> list[Fact]:
    """All weights times a power of two have the same mask, since no product is rounded.

    >>> [fact.holds for fact in template_mechanism()], [fact.holds for fact in template_mechanism(factor=0.0)]
    ([True, True], [False, False])

    Args:
        size: number of weights, drawn from N(0, 1). Keyword-only parameters are what a claim writes next to the id; a
            function that also takes `catalog` looks up models, criteria and the like in it.
        sparsities: fractions to remove, in [0, 1).
        factor: what the weights are multiplied by.
        seed: of the draw.

    Returns:
        One fact for each sparsity; the claim holds when every fact does.
    """
    weights = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    facts = []
    for sparsity in sparsities:
        mask, other = (select({"w": each}, sparsity=sparsity) for each in (weights, factor * weights))
        changed, statement = mask.hamming(other), f"weights times {factor:g} at {sparsity:g}: places that change"
        facts.append(Fact(statement, "0", str(changed), changed == 0))
    return facts


TEMPLATE_MECHANISM = Mechanism(
    id="template-mechanism",
    check=template_mechanism,
    about="weights times a constant have the same mask",
)


@hookimpl
def pruneproof_mechanisms() -> Iterable[Mechanism]:
    """Register the mechanism."""
    return [TEMPLATE_MECHANISM]
