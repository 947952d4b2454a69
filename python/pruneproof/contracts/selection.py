"""`Selection` and `Allocation`: how many weights survive, and where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pruneproof.contracts.laws import ALLOCATION_LAWS, check_declarations
from pruneproof.contracts.source import Source


@dataclass(frozen=True)
class Allocation:
    """A named rule that splits one budget over the tensors.

    `counts(weights, keep)` takes name -> weights (numpy or torch) and the number of weights to keep in all, and returns
    name -> number to keep. The total is exactly `keep` and no tensor gets more than it has.
    """

    id: str
    counts: Callable[..., Mapping[str, int]]
    source: Source
    example: Callable[..., Mapping[str, Any]] | None = None
    """(weights, keep) -> options for the conformance kit, where the defaults alone answer nothing."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this allocation cannot obey it. Obeying it all the same is a failure too."""

    def check(self) -> None:
        """Check what is declared about laws.

        Raises:
            BadPlugin: an unknown law, or an expected failure without a reason.
        """
        check_declarations(f'allocation "{self.id}"', ALLOCATION_LAWS, self.expected_failures)

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default (keyword-only parameters of `counts`)."""
        import inspect

        parameters = inspect.signature(self.counts).parameters
        return {name: each.default for name, each in parameters.items() if each.kind is each.KEYWORD_ONLY}


@dataclass(frozen=True)
class Selection:
    """Everything that decides which weights survive, apart from the scores and the sparsity."""

    scope: str = "global"
    """`global`: one ranking over all tensors; otherwise the id of an allocation (`uniform`, `erk`, `lamp`, ...)."""
    preset: str = "exact"
    """Counting and tie rule: `exact`, or the id of a published code's rule."""
    floor: int = 0
    """Minimum survivors of each tensor (a tensor with fewer weights is kept whole)."""
    floor_mode: Literal["protect", "released"] = "protect"
    """`protect`: protect each tensor's best, fill by the scope's ranking; `released`: Global MP's re-allocation."""
    unprunable: tuple[str, ...] = ()
    """Glob patterns of state-dict names that are kept whole and do not count as prunable."""
