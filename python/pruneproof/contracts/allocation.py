"""`Allocation`: a rule that splits one budget over the tensors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pruneproof.contracts.functions import options
from pruneproof.contracts.source import Source


@dataclass(frozen=True)
class Allocation:
    """A named rule that splits one budget over the tensors; its id is a `scope`.

    `counts(weights, keep)` takes name -> weights (numpy or torch) and the number of weights to keep in all, and returns
    name -> number to keep. The total is exactly `keep` and no tensor gets more than it has. With a structure, weights
    and counts are those of its units: the allocation then gets one score per unit, blocks in the shape of their grid
    and numbered units as one flat array.
    """

    id: str
    counts: Callable[..., Mapping[str, int]]
    source: Source
    example: Callable[..., Mapping[str, Any]] | None = None
    """(weights, keep) -> options for the conformance kit, where the defaults alone answer nothing."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this allocation cannot obey it. Obeying it all the same is a failure too."""

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default (keyword-only parameters of `counts`)."""
        return options(self.counts)
