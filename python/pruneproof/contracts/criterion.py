"""`Criterion`: a scoring function with a passport."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pruneproof.contracts.functions import ingredients, options
from pruneproof.contracts.source import Source


@dataclass(frozen=True)
class Scored:
    """Scores, and what becomes of the surviving weights once the mask is chosen."""

    scores: Mapping[str, Any]
    """One score per weight, under the weight's name."""
    update: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """`update(alive)` takes name -> bool mask and returns name -> new weights, for the tensors that change; dead
    weights are zeroed afterwards whatever it says. None leaves the survivors as they are."""


@dataclass(frozen=True)
class Criterion:
    """A named function from ingredients to scores, larger meaning keep.

    A function that also moves the survivors (Optimal Brain Surgeon and its kin) returns `Scored`. Scope, amount, ties
    and floors belong to the selection and cannot be expressed here.
    """

    id: str
    score: Callable[..., Any]
    """Returns name -> scores, or `Scored`."""
    source: Source
    laws: frozenset[str] = frozenset()
    """Laws that the function claims beyond those that every criterion obeys, from `CLAIMABLE_LAWS`."""
    updates_survivors: bool = False
    """Whether `score` returns `Scored` with an update, so that pruning also changes the weights that stay."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this criterion cannot obey it. Obeying it all the same is a failure too."""

    @property
    def ingredients(self) -> tuple[str, ...]:
        """Names of the ingredients that `score` asks for, in order."""
        return ingredients(self.score)

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default."""
        return options(self.score)
