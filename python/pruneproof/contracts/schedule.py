"""`Schedule`: how sparsity grows to its target."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pruneproof.contracts.source import Source


@dataclass(frozen=True)
class Schedule:
    """A named function from (target sparsity, number of steps) to the cumulative sparsity after each step.

    The answer has `steps` values in [0, 1), never decreasing, the last exactly `target`.
    """

    id: str
    sparsities: Callable[..., Sequence[float]]
    source: Source

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default (keyword-only parameters)."""
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(self.sparsities).parameters
        return {name: each.default for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY}
