"""The learning rate of a recipe over its training."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from pruneproof.contracts.choice import Choice, chosen
from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.lr_schedule import LRSchedule, Rate
from pruneproof.contracts.recipe import Recipe
from pruneproof.errors import BadConfig

V = TypeVar("V")


class LookUp(Protocol):
    """Returns a registered value by class and id."""

    def __call__(self, of: type[V], name: str, /, *, where: str = "") -> V:
        """Return the value."""
        ...


def learning_rate(recipe: Recipe, get: LookUp) -> Callable[[float], float]:
    """Return the function from progress in epochs (whole unless the recipe updates by step) to the learning rate.

    With warm-up over w epochs: lr (p + 1) / w before epoch w; afterwards lr times the schedule's factor over the
    remaining epochs.

    Raises:
        UnknownName: a schedule that nobody registers.
        BadConfig: a schedule that wraps another one without naming it in `then`, or the other way round.
    """
    factor, length = _factor(recipe.lr_schedule, get), max(recipe.epochs - recipe.warmup, 1)

    def rate(progress: float) -> float:
        if progress < recipe.warmup:
            return recipe.lr * min(1.0, (progress + 1) / recipe.warmup)
        return recipe.lr * factor(progress - recipe.warmup, length)

    return rate


def wrapped(schedule: Choice) -> Choice | None:
    """Return the schedule that another one wraps, as its option `then` names it; None where it wraps none."""
    return Choice.model_validate(chosen(schedule.options["then"])) if "then" in schedule.options else None


def _factor(schedule: Choice, get: LookUp) -> Rate:
    function = get(LRSchedule, schedule.id).factor
    options: dict[str, Any] = {name: each for name, each in schedule.options.items() if name != "then"}
    inner = wrapped(schedule)
    if ("inner" in ingredients(function)) != (inner is not None):
        expected = "names no schedule in `then`" if inner is None else "takes no `then`"
        raise BadConfig(f'the learning-rate schedule "{schedule.id}" {expected}. Correct it.')
    if inner is None:
        return lambda progress, epochs: float(function(progress, epochs, **options))
    rest = _factor(inner, get)
    return lambda progress, epochs: float(function(progress, epochs, rest, **options))
