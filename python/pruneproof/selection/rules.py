"""The rules that a selection names, looked up: allocation, structure, floor, counting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.floor import Floor
from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.selection import Selection
from pruneproof.contracts.structure import Structure
from pruneproof.errors import BadConfig
from pruneproof.registry.catalog import build_catalog, survey

V = TypeVar("V")
SCOPES = ("global", "tensor", "row")
"""Scopes that are no allocation."""


class LookUp(Protocol):
    """Returns a registered value by class and id, as `Catalog.get` does."""

    def __call__(self, of: type[V], name: str, /, *, where: str = "") -> V:
        """Return the value, or raise `UnknownName`."""
        ...


@dataclass(frozen=True)
class Rules:
    """What a selection's ids stand for; None for the words of the core: `weight`, `none`, `exact`, and the scopes."""

    allocation: Allocation | None = None
    structure: Structure | None = None
    floor: Floor | None = None
    counting: CountingRule | None = None


PLAIN = Rules()


def resolve(selection: Selection, get: LookUp) -> Rules:
    """Return the rules that a selection names.

    Raises:
        UnknownName: an id that nobody registers.
        BadConfig: rules that contradict each other.
    """
    scope, structure, floor, count = selection.scope.id, selection.structure.id, selection.floor.id, selection.count.id
    rules = Rules(
        allocation=None if scope in SCOPES else get(Allocation, scope),
        structure=None if structure == "weight" else get(Structure, structure),
        floor=None if floor == "none" else get(Floor, floor),
        counting=None if count == "exact" else get(CountingRule, count),
    )
    check_together(selection, rules)
    return rules


def check_together(selection: Selection, rules: Rules) -> None:
    """Check that the rules of a selection can be applied together.

    Raises:
        BadConfig: they cannot.
    """
    scope, floor = selection.scope.id, rules.floor
    if scope == "row" and floor is not None:
        raise BadConfig('floor speaks of tensors, and the scope "row" cuts each row by itself. Leave one out.')
    if scope == "row" and rules.structure is not None:
        raise BadConfig(
            'units compete in the scope "global" or "tensor", or by an allocation; a row is cut into single weights.'
        )
    if scope == "row" and rules.counting is not None and "scores" in ingredients(rules.counting.keep):
        raise BadConfig(
            f'the counting rule "{rules.counting.id}" takes a threshold from all scores; the scope "row" has none. '
            'Use the scope "global" or "tensor".'
        )
    if rules.allocation is not None and rules.counting is not None and "scores" in ingredients(rules.counting.keep):
        raise BadConfig(
            f'the counting rule "{rules.counting.id}" ranks all tensors together; it cannot be joined with scope '
            f'"{scope}".'
        )
    if floor is not None and floor.final and scope != "global":
        raise BadConfig(f'the floor "{floor.id}" ranks all tensors together; it cannot be joined with scope "{scope}".')
    if floor is not None and floor.final and selection.count.id != "exact":
        raise BadConfig(
            f'the floor "{floor.id}" brings its own count; it cannot be joined with "{selection.count.id}".'
        )
    if rules.structure is not None and rules.structure.keep is not None and (scope != "global" or floor is not None):
        raise BadConfig(
            f'the structure "{rules.structure.id}" says how much is kept and where. Leave scope and floor out.'
        )


def installed(of: type[V], name: str, /, *, where: str = "") -> V:
    """Return a value that `pruneproof` or an installed plugin registers; for calls outside of any paper.

    Raises:
        UnknownName: nobody registers it.
    """
    value: V = _installed(of, name, where)  # type: ignore[arg-type]
    return value


@cache
def _installed(of: type[Any], name: str, where: str) -> Any:
    found = build_catalog(["builtin"], of=[of]).entries(of)
    return found[name].value if name in found else survey(of=[of]).owner(of, name, where=where).value


def ask(function: Callable[..., Any], given: Mapping[str, Callable[[], Any]], options: Mapping[str, Any]) -> Any:
    """Call a rule with the ingredients that it names, computing no others."""
    return function(*(given[name]() for name in ingredients(function)), **options)
