"""The rules that a selection names, looked up: allocation, structure, floor, counting."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, TypeVar

from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.choice import Choice
from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.floor import Floor
from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.selection import Selection
from pruneproof.contracts.structure import Structure
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.registry.catalog import build_catalog, survey
from pruneproof.registry.kinds import kind_of

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
        UnknownName: an id that nobody registers, or an option that it does not take.
        BadConfig: rules that contradict each other.
    """
    rules = Rules(
        allocation=_find(get, Allocation, selection.scope, SCOPES),
        structure=_find(get, Structure, selection.structure, ("weight",), "N:M as in 2:4, sides as in 4x2"),
        floor=_find(get, Floor, selection.floor, ("none",)),
        counting=_find(get, CountingRule, selection.count, ("exact",)),
    )
    check_together(selection, rules)
    return rules


def _find(get: LookUp, of: type[V], chosen: Choice, words: Sequence[str], forms: str = "") -> V | None:
    """Return what an id stands for, None for a word of the core, and check its options."""
    if chosen.id in words:
        value, known = None, {}
    else:
        try:
            value = get(of, chosen.id)
        except UnknownName as problem:
            raise UnknownName(f"{problem} Besides these: {', '.join([*words, *filter(None, [forms])])}.") from None
        known = kind_of(of).options(value)
    for name in chosen.options:
        if name not in known:
            raise UnknownName.among(f'option of {kind_of(of).noun} "{chosen.id}"', name, known)
    return value


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
    if scope == "row" and selection.ties == "last":
        raise BadConfig('the scope "row" breaks ties by index, the first of equals. Leave `ties` out.')
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
    if rules.structure is not None and rules.structure.keep is not None:
        if scope != "global" or floor is not None:
            raise BadConfig(
                f'the structure "{rules.structure.id}" says how much is kept and where. Leave scope and floor out.'
            )
        if rules.counting is not None or selection.ties == "last":
            raise BadConfig(
                f'the structure "{rules.structure.id}" says how much is kept, the first of equals. Leave count and '
                "ties out."
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
