"""`Criterion`: a scoring function with a passport."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pruneproof.contracts.ingredients import INGREDIENTS
from pruneproof.contracts.laws import CLAIMABLE_LAWS, CRITERION_LAWS, check_declarations
from pruneproof.contracts.source import Source
from pruneproof.errors import BadPlugin


@dataclass(frozen=True)
class Criterion:
    """A named function from ingredients to scores, larger meaning keep.

    Scope, amount, ties and floors belong to the selection and cannot be expressed here.
    """

    id: str
    score: Callable[..., Mapping[str, Any]]
    source: Source
    laws: frozenset[str] = frozenset()
    """Laws that the function claims beyond those that every criterion obeys, from `CLAIMABLE_LAWS`."""
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    """Law -> reason why this criterion cannot obey it. Obeying it all the same is a failure too."""

    @property
    def ingredients(self) -> tuple[str, ...]:
        """Names of the ingredients that `score` asks for, in order."""
        return tuple(name for name, each in _parameters(self.score).items() if each.kind is not each.KEYWORD_ONLY)

    @property
    def options(self) -> dict[str, Any]:
        """Option name -> default."""
        return {name: each.default for name, each in _parameters(self.score).items() if each.kind is each.KEYWORD_ONLY}

    def check(self) -> None:
        """Check the passport.

        Raises:
            BadPlugin: unknown ingredient, an option without a default, no source, an unknown law, or an expected
                failure without a reason.
        """
        code = getattr(self.score, "__code__", None)
        where = f" ({code.co_filename}, line {code.co_firstlineno})" if code else ""
        label = f'criterion "{self.id}"{where}'
        if not isinstance(self.source, Source):
            raise BadPlugin(f"{label} names no source. Give a Source with authors, year and title.")
        for name, parameter in _parameters(self.score).items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise BadPlugin(
                    f"{label} takes *{name}. Name each ingredient; the vocabulary is {', '.join(INGREDIENTS)}."
                )
            if parameter.kind is parameter.KEYWORD_ONLY:
                if parameter.default is parameter.empty:
                    raise BadPlugin(f'{label} has the option "{name}" without a default. Give it one.')
            elif name not in INGREDIENTS:
                raise BadPlugin(
                    f'{label} asks for the ingredient "{name}". The vocabulary is {", ".join(INGREDIENTS)}; '
                    "make it keyword-only with a default if it is an option."
                )
        check_declarations(label, CRITERION_LAWS, self.expected_failures, claims=self.laws, claimable=CLAIMABLE_LAWS)


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters
