"""What goes into the stages of a run: everything that decides what a stage makes, written out for its digest."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pruneproof.contracts.choice import Choice
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.metric import MEASURED_ONLY, WATCHED_ONLY, Metric
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.regularizer import Regularizer
from pruneproof.contracts.schedule import Schedule
from pruneproof.contracts.search import MaskSearch
from pruneproof.contracts.transform import OF_SAMPLES, Transform
from pruneproof.contracts.update import Update
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.check_runs import every_step
from pruneproof.papers.schema import Run
from pruneproof.papers.short_form import steps_of
from pruneproof.papers.steps import ApplyTransform, Gradual, Measure, Moving, Prune, Sample, Search, Train
from pruneproof.pipeline.standing import Placed, State
from pruneproof.pipeline.writing import Writer
from pruneproof.registry.catalog import Catalog, blame_plugin

OF_SCORES = frozenset({"scores", "alive", "rng"})
"""What a transform of scores may ask for."""
NEED_DATA = frozenset({"grads", "fisher", "activations", "probe"})
"""Ingredients that are computed on scoring samples."""


class StageInputs:
    """Writes out the inputs of the stages of one run for one seed, and refuses what cannot be."""

    def __init__(self, run: Run, network: Mapping[str, Any], catalog: Catalog, writer: Writer) -> None:
        """Take the run, and what every stage of it has: model, data, seed, and place."""
        self.run, self.network, self.catalog, self.writer = run, network, catalog, writer
        self.held_out = _held_out(run)

    def train(
        self, step: Train, recipe: Recipe, epochs: tuple[int, int], target: float, label: str, *, keeps_optimizer: bool
    ) -> dict[str, Any]:
        """Return the inputs of a training, from an epoch of its recipe to another."""
        start, stop = epochs
        return {
            **self.network,
            "recipe": self.writer.recipe(recipe),
            "phase": step.recipe,
            "start": start,
            "stop": stop,
            "gradual": None if step.gradual is None else self._gradual(step.gradual, target, stop, label),
            "updates": [self._moving(each, target) for each in step.updates],
            "regularizers": [self.writer.choice(Regularizer, each.what) for each in step.regularizers],
            "watch": [
                {**self.writer.choice(Metric, each.what), "every": each.every, "reduce": each.reduce}
                for each in step.watch
            ],
            "keep_optimizer": keeps_optimizer,
            **self._watched(step, label),
        }

    def _moving(self, moving: Moving, target: float) -> dict[str, Any]:
        """Write out an update; the target only where it asks for it."""
        written = self.writer.choice(Update, moving.what)
        written |= {"every": moving.every, "start": moving.start, "until": moving.until}
        if "sparsity" in ingredients(self.catalog.get(Update, moving.what.id).update):
            written["sparsity"] = target
        return written

    def _watched(self, step: Train, label: str) -> dict[str, Any]:
        """Return the samples for metrics that look at derivatives while the network trains."""
        for each in step.watch:
            metric = self.catalog.get(Metric, each.what.id)
            _check_place(metric, MEASURED_ONLY, "where a step measures. Name it in a step `measure`.", label)
        asked = {name for each in step.watch for name in ingredients(self.catalog.get(Metric, each.what.id).measure)}
        found: dict[str, Any] = {"sample": self._sample(step.sample, label)} if "probe" in asked else {}
        if self.held_out and asked & {"probe", "train", "data"}:
            found["validation"] = self.held_out
        return found

    def _gradual(self, gradual: Gradual, target: float, stop: int, label: str) -> dict[str, Any]:
        if gradual.end >= stop:
            raise BadConfig(f"{label}: pruning ends at epoch {gradual.end} of a training of {stop}.")
        return {
            **self._scoring(gradual, label),
            "selection": self.writer.selection(gradual.select),
            "course": self.course(gradual.schedule, target, gradual.end - gradual.start + 1),
            "first_epoch": gradual.start,
        }

    def _scoring(self, step: Prune | Gradual, label: str) -> dict[str, Any]:
        """Return what decides the scores; samples only where the criterion looks at any."""
        found: dict[str, Any] = {"criterion": self.writer.choice(Criterion, step.criterion)}
        if NEED_DATA.intersection(self.catalog.get(Criterion, step.criterion.id).ingredients):
            found["sample"] = self._sample(step.sample, label)
            if self.held_out:
                found["validation"] = self.held_out
        return found

    def _sample(self, sample: Sample, label: str) -> dict[str, Any]:
        """Write out scoring samples; transforms only where there are any."""
        written = sample.model_dump(mode="json", exclude={"transforms"})
        for each in sample.transforms:
            asked = self._asked_by(each)
            if not {"inputs", "labels"}.intersection(asked) or not set(asked) <= OF_SAMPLES:
                raise BadConfig(
                    f'{label}: the transform "{each.id}" asks for {", ".join(asked)}; scoring samples are changed by '
                    "transforms of inputs and labels only. Make it a step of its own."
                )
        transforms = [self.writer.choice(Transform, each) for each in sample.transforms]
        return written | ({"transforms": transforms} if transforms else {})

    def prune(self, step: Prune, state: State, placed: Placed, target: float, label: str) -> dict[str, Any]:
        """Return the inputs of a step that prunes a network as it stands."""
        inputs = {
            **self.network,
            **self._scoring(step, label),
            "selection": self.writer.selection(step.select),
            "course": self._course_from(state, step, target),
            "mode": step.mode,
            "revive": step.revive,
            "transforms": [self._transform_of_scores(each, label) for each in step.transforms],
        }
        asked = set(self.catalog.get(Criterion, step.criterion.id).ingredients)
        asked |= {name for each in step.transforms for name in self._asked_by(each)}
        if state.mask and state.sparsity and step.select.count.id != "exact":
            inputs["before"] = state.sparsity
        if placed.round and ("sample" in inputs or "rng" in asked):
            inputs["round"] = placed.round
        return inputs

    def _course_from(self, state: State, step: Prune, target: float) -> list[float]:
        """Return the sparsities of a step that prunes; of a network that is pruned already, over what is left."""
        if not state.mask or step.iterations == 1 or state.sparsity >= target:
            return self.course(step.schedule, target, step.iterations)
        # In decimal: what is lost where 1 - sparsity is a float grows with how little is left.
        left = 1 - Decimal(repr(state.sparsity))
        course = self.course(step.schedule, float(1 - (1 - Decimal(repr(target))) / left), step.iterations)
        return [*(min(float(1 - left * (1 - Decimal(repr(each)))), target) for each in course[:-1]), target]

    def _asked_by(self, chosen: Choice) -> list[str]:
        return list(ingredients(self.catalog.get(Transform, chosen.id).transform))

    def _transform_of_scores(self, chosen: Choice, label: str) -> dict[str, Any]:
        asked = self._asked_by(chosen)
        if "scores" not in asked or not set(asked) <= OF_SCORES:
            raise BadConfig(
                f'{label}: the transform "{chosen.id}" asks for {", ".join(asked)}; a step that prunes changes scores, '
                f"by transforms of {', '.join(sorted(OF_SCORES))} only. Make it a step of its own."
            )
        return self.writer.choice(Transform, chosen)

    def transform(self, step: ApplyTransform, placed: Placed, label: str) -> dict[str, Any]:
        """Return the inputs of a step that changes mask or weights."""
        asked = self._asked_by(step.what)
        if "scores" in asked:
            raise BadConfig(
                f'{label}: the transform "{step.what.id}" changes scores. Name it in `transforms` of a prune step.'
            )
        if {"inputs", "labels"}.intersection(asked):
            raise BadConfig(
                f'{label}: the transform "{step.what.id}" changes scoring samples. Name it in `transforms` of a sample.'
            )
        inputs = {**self.network, "transform": self.writer.choice(Transform, step.what)}
        return inputs | ({"round": placed.round} if placed.round else {})

    def search(self, step: Search, recipe: Recipe, target: float) -> dict[str, Any]:
        """Return the inputs of a search for a mask."""
        return {
            **self.network,
            "search": self.writer.choice(MaskSearch, step.what),
            "recipe": self.writer.recipe(recipe),
            "phase": step.recipe,
            "sparsity": target,
        }

    def measure(self, step: Measure, state: State, label: str) -> dict[str, Any]:
        """Return the inputs of a step that measures a network as it stands."""
        for value in self.metrics(step):
            _check_place(
                value, WATCHED_ONLY, "while a network trains. Name it in `watch` of a step that trains.", label
            )
        asked = self.asked_by_metrics(step)
        inputs = {**self.network, "metrics": [self.writer.choice(Metric, each) for each in step.metrics]}
        if "epochs" in asked:
            inputs["epochs"] = state.epochs
        if "probe" in asked:
            inputs["sample"] = self._sample(step.sample, label)
        if self.held_out and asked & {"probe", "train", "data"}:
            inputs["validation"] = self.held_out
        return inputs

    def metrics(self, step: Measure) -> list[Metric]:
        """Return the metrics that a step measures."""
        return [self.catalog.get(Metric, each.id) for each in step.metrics]

    def asked_by_metrics(self, step: Measure) -> set[str]:
        """Return the ingredients that they ask for."""
        return {name for value in self.metrics(step) for name in ingredients(value.measure)}

    def recipe(self, name: str, change: Mapping[str, Any], label: str) -> Recipe:
        """Return a recipe of the run with what a step changes.

        Raises:
            UnknownName: the run has no such recipe.
        """
        if name not in self.run.recipe:
            raise UnknownName.among("recipe", name, self.run.recipe, where=label)
        return Recipe.model_validate(self.run.recipe[name].model_dump() | dict(change))

    def course(self, chosen: Choice, target: float, steps: int) -> list[float]:
        """Return the cumulative sparsity after each of `steps`, by a schedule.

        Raises:
            BadConfig: the schedule answers otherwise than with never-decreasing values that end on the target.
        """
        entry = self.catalog.entry(Schedule, chosen.id)
        with blame_plugin(entry):
            course = [float(each) for each in entry.value.sparsities(target, steps, **chosen.options)]
        if len(course) != steps or course[-1] != target or sorted(course) != course:
            raise BadConfig(
                f'schedule "{chosen.id}" answered {course[:3]}...{course[-1:]} for target {target} in {steps} '
                "steps; as many never-decreasing values ending on the target were expected."
            )
        return course


def _check_place(metric: Metric, elsewhere: frozenset[str], where: str, label: str) -> None:
    """Check that what a metric asks for exists where it is named.

    Raises:
        BadConfig: it exists elsewhere only.
    """
    for name in ingredients(metric.measure):
        if name in elsewhere:
            raise BadConfig(f'{label}: the metric "{metric.id}" asks for "{name}", which exists {where}')


def _held_out(run: Run) -> float:
    """Return the largest fraction that any training of the run holds out: samples that nothing else may see."""
    steps = [step for method in run.methods for step in every_step(steps_of(run, method))]
    changes = [step.change for step in steps if isinstance(step, Train | Search)]
    named = [recipe.validation for recipe in run.recipe.values()]
    return max([*named, *(change.get("validation", 0.0) for change in changes)], default=0.0)
