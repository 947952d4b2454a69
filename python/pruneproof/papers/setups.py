"""Compares how two methods of a run are set up, from their steps alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pruneproof.contracts.mechanism import Fact
from pruneproof.contracts.recipe import Recipe
from pruneproof.papers.schema import Method, Run
from pruneproof.papers.short_form import DENSE, dense_method, steps_of
from pruneproof.papers.steps import (
    Adopt,
    AnyStep,
    Gradual,
    Init,
    Prune,
    Repeat,
    Rewind,
    Search,
    ShapeOf,
    Shrink,
    Step,
    Train,
)


def compare_setups(run: Run, methods: tuple[str, str], equal: Sequence[str], different: Sequence[str]) -> list[Fact]:
    """Return one fact per property of `PROPERTIES`: whether it is the same for both methods, or differs."""
    steps = [_flat(steps_of(run, _method(run, name))) for name in methods]
    facts = []
    for name, same in (*((each, True) for each in equal), *((each, False) for each in different)):
        first, second = (PROPERTIES[name](run, of) for of in steps)
        expected = "the same" if same else "different"
        found = f"{first} and {second}"
        facts.append(Fact(f"{name} of {methods[0]} and {methods[1]}", expected, found, (first == second) == same))
    return facts


def _method(run: Run, name: str) -> Method:
    return dense_method() if name == DENSE else next(each for each in run.methods if each.method == name)


def _flat(steps: Sequence[AnyStep]) -> list[Step]:
    """Write repetitions out."""
    found: list[Step] = []
    for step in steps:
        found += _flat(step.steps) * step.repeat if isinstance(step, Repeat) else [step]
    return found


def _recipe(run: Run, step: Train | Search) -> Recipe:
    return Recipe.model_validate(run.recipe[step.recipe].model_dump() | step.change)


def _trainings(run: Run, steps: Sequence[Step]) -> list[tuple[Recipe, int, int]]:
    """Return recipe, first epoch and last epoch (exclusive) of each training, as the steps follow from each other."""
    position: dict[str, int] = {}
    named: dict[str, dict[str, int]] = {}
    found = []
    for step in steps:
        if isinstance(step, Init):
            position = {}
        elif isinstance(step, Rewind):
            position = dict(named.get(step.to, {}))
        elif isinstance(step, Train):
            if step.origin is not None:
                position = dict(named.get(step.origin, {}))
            recipe = _recipe(run, step)
            behind = position.get(step.recipe, 0)
            start = step.start if step.start is not None else behind if behind < recipe.epochs else 0
            stop = (
                step.until
                if step.until is not None
                else start + step.epochs
                if step.epochs is not None
                else recipe.epochs
            )
            found.append((recipe, start, stop))
            position = {**position, step.recipe: stop}
        if step.name is not None:
            named[step.name] = dict(position)
    return found


def _pruning(steps: Sequence[Step]) -> int:
    """Return the place of the first step that decides the mask; behind all where none does."""
    for place, step in enumerate(steps):
        if isinstance(step, Prune | Adopt | Search | ShapeOf) or (isinstance(step, Train) and step.gradual is not None):
            return place
    return len(steps)


def _epochs(run: Run, steps: Sequence[Step]) -> int:
    return sum(stop - start for _, start, stop in _trainings(run, steps))


def _epochs_after(run: Run, steps: Sequence[Step]) -> int:
    before = sum(isinstance(step, Train) for step in steps[: _pruning(steps)])
    return sum(stop - start for _, start, stop in _trainings(run, steps)[before:])


def _base(run: Run, steps: Sequence[Step]) -> Any:
    """Return what is trained before the mask is decided: the dense network that a method starts from."""
    before = [step for step in steps[: _pruning(steps)] if isinstance(step, Train)]
    trainings = _trainings(run, before)
    return [
        (recipe.model_dump_json(), start, stop) for recipe, start, stop in trainings
    ] or "the network at initialisation"


def _last(field: str) -> Callable[[Run, Sequence[Step]], Any]:
    def read(run: Run, steps: Sequence[Step]) -> Any:
        trainings = _trainings(run, steps)
        return getattr(trainings[-1][0], field) if trainings else None

    return read


def _prunes(steps: Sequence[Step]) -> list[Prune | Gradual]:
    found: list[Prune | Gradual] = [step for step in steps if isinstance(step, Prune)]
    return found + [step.gradual for step in steps if isinstance(step, Train) and step.gradual is not None]


def _criterion(run: Run, steps: Sequence[Step]) -> Any:
    return [each.criterion.id for each in _prunes(steps)]


def _structure(run: Run, steps: Sequence[Step]) -> Any:
    return sorted({each.select.structure.id for each in _prunes(steps)})


PROPERTIES: Mapping[str, Callable[[Run, Sequence[Step]], Any]] = {
    "base": _base,
    "epochs": _epochs,
    "epochs-after-pruning": _epochs_after,
    "rounds": lambda run, steps: sum(isinstance(step, Prune) for step in steps),
    "criterion": _criterion,
    "structure": _structure,
    "shrinks": lambda run, steps: any(isinstance(step, Shrink) for step in steps),
    "optimizer": _last("optimizer"),
    "lr": _last("lr"),
    "lr-schedule": _last("lr_schedule"),
    "batch": _last("batch"),
    "momentum": _last("momentum"),
    "weight-decay": _last("weight_decay"),
    "augment": _last("augment"),
}
"""Property -> how it is read off a method's steps; those of a recipe are of the last training."""
