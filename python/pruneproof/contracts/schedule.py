"""`Schedule`: how sparsity grows to its target."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pruneproof.contracts.functions import options
from pruneproof.contracts.source import Source


@dataclass(frozen=True)
class Schedule:
    """A named function from (target sparsity, number of steps) to the cumulative sparsity after each step.

    The answer has `steps` values in [0, 1), never decreasing, the last exactly `target`. Values within 1e-15 of the
    formula count as it does (`decimal_floor`): floating point will do, but for 1 - target where little is left.
    """

    id: str
    sparsities: Callable[..., Sequence[float]]
    source: Source
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this schedule cannot obey it. Obeying it all the same is a failure too."""

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default (keyword-only parameters)."""
        return options(self.sparsities)
