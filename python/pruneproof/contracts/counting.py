"""`CountingRule`: how many units a sparsity leaves alive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pruneproof.contracts.source import Source


@dataclass(frozen=True)
class CountingRule:
    """A named rule from a sparsity to the number of survivors.

    `keep` asks for its ingredients by name: `size`, the number of units that compete; `sparsity`, the fraction of them
    to remove, in [0, 1); `scores`, their scores as one array, for rules that count by a threshold. It returns a number
    in [0, size]. Which units these are is not its affair: the best, ties as the selection says.

    Where a mask was made before, the units that it removed do not compete, and `sparsity` is the fraction of the others
    whose removal leads to the target. Rules that go on otherwise ask for `total`, the number of all units; `target`,
    the fraction of all of them to remove; or `fraction`, that of the competing ones that one target removes after
    another, 1 - (1 - t) / (1 - t₀) with t₀ the target of the mask so far: `sparsity` where that is not known.
    """

    id: str
    keep: Callable[..., int]
    source: Source
    about: str
    """How it counts, and what happens to ties, in one sentence."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this rule cannot obey it. Obeying it all the same is a failure too."""
