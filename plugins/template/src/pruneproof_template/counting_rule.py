"""A counting rule: the number of survivors is a multiple of some number."""

from collections.abc import Iterable

from pruneproof.api import BadConfig, CountingRule, Source, hookimpl, keep_count

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_counting_rule(size: int, sparsity: float, *, multiple: int = 2) -> int:
    """Return k = N - floor(sparsity · N), rounded up to a multiple of `multiple`, and at most N.

    >>> [template_counting_rule(100, sparsity, multiple=8) for sparsity in (0.0, 0.5, 0.9, 0.99)]
    [100, 56, 16, 8]

    Args:
        size: N, the number of units. The name of a positional parameter is an ingredient: size, sparsity or scores.
        sparsity: the fraction to remove, in [0, 1).
        multiple: an option. Keyword-only parameters with defaults become config keys.

    Raises:
        BadConfig: a multiple below 1.
    """
    if multiple < 1:
        raise BadConfig(f"multiples of {multiple} cannot be counted; a whole number from 1 was expected.")
    return min(size, -(-keep_count(size, sparsity) // multiple) * multiple)


TEMPLATE_COUNTING_RULE = CountingRule(
    id="template-counting-rule",
    keep=template_counting_rule,
    source=Source(authors="A. Reader", year=2026, title="An example"),
    about="Rounds the number of survivors up to a multiple.",
)


@hookimpl
def pruneproof_counting_rules() -> Iterable[CountingRule]:
    """Register the counting rule."""
    return [TEMPLATE_COUNTING_RULE]
