"""Compares how two methods of a run are set up, from their steps alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
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
    steps = [flat(steps_of(run, _method(run, name))) for name in methods]
    facts = []
    for name, same in (*((each, True) for each in equal), *((each, False) for each in different)):
        first, second = (PROPERTIES[name](run, of) for of in steps)
        expected = "the same" if same else "different"
        found = f"{first} and {second}"
        facts.append(Fact(f"{name} of {methods[0]} and {methods[1]}", expected, found, (first == second) == same))
    return facts


def _method(run: Run, name: str) -> Method:
    return dense_method() if name == DENSE else next(each for each in run.methods if each.method == name)


def flat(steps: Sequence[AnyStep]) -> list[Step]:
    """Write repetitions out."""
    found: list[Step] = []
    for step in steps:
        found += flat(step.steps) * step.repeat if isinstance(step, Repeat) else [step]
    return found


def _recipe(run: Run, step: Train | Search) -> Recipe:
    return Recipe.model_validate(run.recipe[step.recipe].model_dump() | step.change)


Training = tuple[Recipe, int, int]
"""Recipe, first epoch and last epoch (exclusive) of one training."""


@dataclass(frozen=True)
class _Weights:
    """Weights as they stand: their place in each recipe, and the trainings that made them."""

    position: Mapping[str, int]
    made_by: tuple[Training, ...]


_UNTRAINED = _Weights(MappingProxyType({}), ())


def trainings_of(run: Run, steps: Sequence[Step]) -> tuple[list[Training], tuple[Training, ...]]:
    """Return all trainings in order, and those that made the weights after the last step."""
    weights, named = _UNTRAINED, dict[str, _Weights]()
    found: list[Training] = []
    for step in steps:
        if isinstance(step, Init):
            weights = _UNTRAINED
        elif isinstance(step, Rewind):
            weights = named.get(step.to, _UNTRAINED)
        elif isinstance(step, Train):
            if step.origin is not None:
                weights = named.get(step.origin, _UNTRAINED)
            recipe = _recipe(run, step)
            behind = weights.position.get(step.recipe, 0)
            start = step.start if step.start is not None else behind if behind < recipe.epochs else 0
            length = recipe.epochs - start if step.epochs is None else step.epochs
            stop = start + length if step.until is None else step.until
            found.append((recipe, start, stop))
            weights = _Weights({**weights.position, step.recipe: stop}, (*weights.made_by, found[-1]))
        elif isinstance(step, Search):
            recipe = _recipe(run, step)
            found.append((recipe, 0, recipe.epochs))
        if step.name is not None:
            named[step.name] = weights
    return found, weights.made_by


def _trainings(run: Run, steps: Sequence[Step]) -> list[Training]:
    return trainings_of(run, steps)[0]


def deciding(steps: Sequence[Step]) -> list[int]:
    """Return the places of the steps that decide the mask; behind all where none does."""
    found = [
        place
        for place, step in enumerate(steps)
        if isinstance(step, Prune | Adopt | Search | ShapeOf)
        or (isinstance(step, Train) and (step.gradual is not None or step.updates))
    ]
    return found or [len(steps)]


def _pruning(steps: Sequence[Step]) -> int:
    """Return the place of the first step that decides the mask; behind all where none does."""
    return deciding(steps)[0]


Part = tuple[Recipe, float, float]
"""A training, or a part of one: a mask may move until the middle of an epoch."""


@dataclass(frozen=True)
class Phases:
    """The trainings of a method, by what they are for."""

    before: tuple[Part, ...]
    """Those that made the weights on which the mask is first decided: the base."""
    pruning: tuple[Part, ...]
    """From there until the mask is decided for the last time: none of a network that is pruned once."""
    after: tuple[Part, ...]
    """Under the final mask."""
    is_scratch: bool
    """Whether a mask or shape is taken over by weights that were never trained without it."""


def phases_of(run: Run, method: Method) -> Phases:
    """Return the trainings of a method before, while and after its mask is decided.

    Of a network from scratch only the trainings of its own weights count, and not those that made the mask.
    """
    steps = flat(steps_of(run, method))
    places, (trainings, made_by) = deciding(steps), trainings_of(run, steps)
    first, last = places[0], places[-1]
    takes_over = last < len(steps) and isinstance(steps[last], Adopt | ShapeOf)
    if takes_over and not trainings_of(run, steps[: last + 1])[1]:
        return Phases((), (), made_by, is_scratch=True)
    pruning: list[Part] = []
    after: list[Part] = []
    trained = [place for place, step in enumerate(steps) if isinstance(step, Train | Search)]
    for place, (recipe, start, stop) in zip(trained, trainings, strict=True):
        fixed = _fixed_from(steps[place], start, stop) if place == last else stop if place < last else start
        if place >= first:
            pruning += [(recipe, start, fixed)] if fixed > start else []
            after += [(recipe, fixed, stop)] if fixed < stop else []
    return Phases(trainings_of(run, steps[:first])[1], tuple(pruning), tuple(after), is_scratch=False)


def _fixed_from(step: Step, start: int, stop: int) -> float:
    """Return the epoch of a training that decides a mask from which the mask stays as it is."""
    if not isinstance(step, Train):
        return stop
    moved = [start + each.until * (stop - start) for each in step.updates]
    return max([*moved, *([step.gradual.end] if step.gradual is not None else [])])


def cut_before_pruning(run: Run, method: Method) -> Method | None:
    """Return a method that ends where its mask is first decided: it makes the base. None where nothing comes before."""
    steps = flat(steps_of(run, method))
    before = tuple(steps[: _pruning(steps)])
    return Method(method=method.method, steps=before) if before else None


def structures_of(run: Run, method: Method) -> list[str]:
    """Return the structures that a method prunes, those of a method whose mask or shape it takes over among them."""
    steps = flat(steps_of(run, method))
    found = set(_structure(run, steps))
    for step in steps:
        if isinstance(step, Adopt | ShapeOf) and step.method is not None:
            found.update(structures_of(run, _method(run, step.method)))
    return sorted(found)


def rounds_of(run: Run, method: Method) -> int:
    """Return how many pruning iterations a method has, with training between them or without."""
    return _rounds(run, flat(steps_of(run, method)))


def _epochs(run: Run, steps: Sequence[Step]) -> int:
    return sum(stop - start for _, start, stop in _trainings(run, steps))


def _epochs_after(run: Run, steps: Sequence[Step]) -> int:
    before = sum(isinstance(step, Train | Search) for step in steps[: _pruning(steps)])
    return sum(stop - start for _, start, stop in _trainings(run, steps)[before:])


def _base(run: Run, steps: Sequence[Step]) -> Any:
    """Return what is trained before the mask is decided: the dense network that a method starts from."""
    made_by = trainings_of(run, steps[: _pruning(steps)])[1]
    return [
        (recipe.model_dump_json(), start, stop) for recipe, start, stop in made_by
    ] or "the network at initialisation"


def _last(field: str) -> Callable[[Run, Sequence[Step]], Any]:
    def read(run: Run, steps: Sequence[Step]) -> Any:
        trainings = _trainings(run, steps)
        return getattr(trainings[-1][0], field) if trainings else None

    return read


def _prunes(steps: Sequence[Step]) -> list[Prune | Gradual]:
    found: list[Prune | Gradual] = [step for step in steps if isinstance(step, Prune)]
    return found + [step.gradual for step in steps if isinstance(step, Train) and step.gradual is not None]


def _rounds(run: Run, steps: Sequence[Step]) -> int:
    return sum(each.end - each.start + 1 if isinstance(each, Gradual) else each.iterations for each in _prunes(steps))


def _criterion(run: Run, steps: Sequence[Step]) -> Any:
    return [each.criterion.id for each in _prunes(steps)]


def _structure(run: Run, steps: Sequence[Step]) -> Any:
    return sorted({each.select.structure.id for each in _prunes(steps)})


PROPERTIES: Mapping[str, Callable[[Run, Sequence[Step]], Any]] = {
    "base": _base,
    "epochs": _epochs,
    "epochs-after-pruning": _epochs_after,
    "rounds": _rounds,
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
"""Property -> how it is read off a method's steps. `rounds` are pruning iterations, with training between them or
without; properties of a recipe are of the last training."""
