"""Writes out registered things for a plan: id, every option with its default, and whose code it is."""

from dataclasses import dataclass, field
from typing import Any

from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.choice import Choice
from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.floor import Floor
from pruneproof.contracts.lr_schedule import LRSchedule
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.selection import Selection
from pruneproof.contracts.structure import Structure
from pruneproof.registry.catalog import Catalog
from pruneproof.registry.kinds import kind_of
from pruneproof.registry.manager import Plugin
from pruneproof.selection.rules import resolve
from pruneproof.training.rate import wrapped


@dataclass
class Writer:
    """Nothing implicit reaches a digest: what a config leaves out is written out here."""

    catalog: Catalog
    origins: dict[Plugin, str] = field(default_factory=dict)

    def choice(self, of: type[Any], chosen: Choice) -> dict[str, Any]:
        """Write out a registered thing."""
        entry = self.catalog.entry(of, chosen.id)
        defaults = kind_of(of).options(entry.value)
        return {"id": chosen.id, "options": defaults | chosen.options, "origin": self.origin(entry.plugin)}

    def selection(self, selection: Selection) -> dict[str, Any]:
        """Write out a selection with all its rules."""
        written = selection.model_dump(mode="json")
        rules = resolve(selection, self.catalog.get)
        named: list[tuple[str, type[Any], object]] = [
            ("scope", Allocation, rules.allocation),
            ("structure", Structure, rules.structure),
            ("floor", Floor, rules.floor),
            ("count", CountingRule, rules.counting),
        ]
        return written | {key: self.choice(of, getattr(selection, key)) for key, of, rule in named if rule is not None}

    def recipe(self, recipe: Recipe) -> dict[str, Any]:
        """Write out a recipe with its learning-rate schedule."""
        return recipe.model_dump(mode="json") | {"lr_schedule": self.schedule(recipe.lr_schedule)}

    def schedule(self, schedule: Choice) -> dict[str, Any]:
        """Write out a learning-rate schedule, and the one that it wraps."""
        written = self.choice(LRSchedule, schedule)
        inner = wrapped(schedule)
        if inner is not None:
            written["options"] = written["options"] | {"then": self.schedule(inner)}
        return written

    def origin(self, plugin: Plugin) -> str:
        """Return what a digest says of a plugin: third-party code may change without its version."""
        if plugin.name == "builtin":
            return "builtin"
        if plugin not in self.origins:
            self.origins[plugin] = f"{plugin.distribution} {plugin.version}, source {plugin.digest()}"
        return self.origins[plugin]


def read_choice(written: dict[str, Any]) -> Choice:
    """Return a choice that a plan writes out, without whose it is.

    >>> read_choice({"id": "snip", "options": {}, "origin": "builtin"})
    Choice(id='snip', options={})
    """
    options = {key: read_choice(each) if key == "then" else each for key, each in written["options"].items()}
    return Choice(id=written["id"], options=options)


def read_selection(written: dict[str, Any]) -> Selection:
    """Return a selection that a plan writes out."""
    return Selection.model_validate(
        {key: read_choice(each) if isinstance(each, dict) else each for key, each in written.items()}
    )


def read_recipe(written: dict[str, Any]) -> Recipe:
    """Return a recipe that a plan writes out."""
    return Recipe.model_validate(written | {"lr_schedule": read_choice(written["lr_schedule"])})
