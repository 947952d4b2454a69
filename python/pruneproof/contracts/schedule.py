"""`Schedule`: how sparsity grows to its target."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pruneproof.contracts.laws import SCHEDULE_LAWS, check_declarations
from pruneproof.contracts.source import Source


@dataclass(frozen=True)
class Schedule:
    """A named function from (target sparsity, number of steps) to the cumulative sparsity after each step.

    The answer has `steps` values in [0, 1), never decreasing, the last exactly `target`.
    """

    id: str
    sparsities: Callable[..., Sequence[float]]
    source: Source
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this schedule cannot obey it. Obeying it all the same is a failure too."""

    def check(self) -> None:
        """Check what is declared about laws.

        Raises:
            BadPlugin: an unknown law, or an expected failure without a reason.
        """
        check_declarations(f'schedule "{self.id}"', SCHEDULE_LAWS, self.expected_failures)

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default (keyword-only parameters)."""
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(self.sparsities).parameters
        return {name: each.default for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY}
