"""`Floor`: the fewest units that each tensor keeps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pruneproof.contracts.source import Source


@dataclass(frozen=True)
class Floor:
    """A named rule for the minimum survivors of each tensor.

    `least` asks for its ingredients by name: `sizes`, name -> number of units; `sparsity`, the fraction of all units to
    remove; `scores`, name -> one score per unit, flat. It returns name -> number of units, and may leave out tensors
    unless it is `final`. A tensor with fewer is kept whole. Each tensor's best units are safe up to its floor, and the
    rest of the budget is spent by rank, so that the total stays what was asked for.
    """

    id: str
    least: Callable[..., Mapping[str, int]]
    source: Source
    about: str
    """What it protects, in one sentence."""
    final: bool = False
    """Whether `least` says how many units each tensor keeps in the end, no more and no fewer; the total is then the
    rule's."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this floor cannot obey it. Obeying it all the same is a failure too."""
