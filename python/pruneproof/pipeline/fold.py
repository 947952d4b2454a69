"""Folds a method's steps into stages: each step takes the network as it stands and says how it stands afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from pruneproof.contracts.choice import Choice
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.metric import MEASURED_ONLY, WATCHED_ONLY, Metric
from pruneproof.contracts.model import Model
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.regularizer import Regularizer
from pruneproof.contracts.schedule import Schedule
from pruneproof.contracts.search import MaskSearch
from pruneproof.contracts.transform import OF_SAMPLES, Transform
from pruneproof.contracts.update import Update
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.check_runs import every_step
from pruneproof.papers.schema import Method, Run
from pruneproof.papers.short_form import DENSE, settings_of, steps_of
from pruneproof.papers.steps import (
    Adopt,
    AnyStep,
    ApplyTransform,
    Gradual,
    Init,
    Measure,
    Moving,
    Prune,
    Repeat,
    Rewind,
    Sample,
    Search,
    ShapeOf,
    Shrink,
    Step,
    Train,
)
from pruneproof.pipeline.plan import UNKNOWN_FINGERPRINT, PlannedCell, Stage
from pruneproof.pipeline.writing import Writer
from pruneproof.registry.catalog import Catalog, blame_plugin

OF_SCORES = frozenset({"scores", "alive", "rng"})
"""What a transform of scores may ask for."""
NEED_DATA = frozenset({"grads", "fisher", "activations", "probe"})
"""Ingredients that are computed on scoring samples."""


@dataclass(frozen=True)
class State:
    """A network as it stands: the stages behind its weights, mask and shape, and how far it is trained."""

    weights: str = ""
    mask: str = ""
    shape: str = ""
    trained: str = ""
    """The training stage that made the weights; empty where something else did."""
    epochs: int = 0
    """Epochs trained since initialisation."""
    sparsity: float = 0.0
    """The target that the mask was made for."""
    position: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Recipe -> its epochs that the weights have behind them."""

    def upstream(self) -> dict[str, str]:
        """Return role -> digest for a stage that works on this network."""
        roles = {"weights": self.weights, "mask": self.mask, "shape": self.shape}
        return {role: digest for role, digest in roles.items() if digest}


@dataclass(frozen=True)
class Placed:
    """A step in the order in which it runs, with the round that it is in."""

    step: Step
    sparsity: float
    """The target of a step that prunes."""
    round: int = 0
    """From 1 in a repetition, 0 outside of any."""


@dataclass
class Folded:
    """What became of one method at one sparsity."""

    state: State = State()
    stages: list[str] = field(default_factory=list)
    measures: dict[str, str] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    """Name of a step -> the network after it."""


class Folder:
    """Folds the methods of one run for one seed; equal stages are made once."""

    def __init__(
        self,
        run_id: str,
        run: Run,
        seed: int,
        catalog: Catalog,
        fingerprint: str | None,
        writer: Writer,
        where: Mapping[str, Any],
    ) -> None:
        """Prepare to fold the methods of a run.

        Args:
            run_id: the run's name, for labels.
            run: the run.
            seed: of its networks.
            catalog: what the paper's plugins register.
            fingerprint: of the data set; None where it is not on this machine.
            writer: writes out registered things.
            where: what of the place enters the digests: device, and numerics class.
        """
        self.run_id, self.run, self.seed, self.catalog, self.writer = run_id, run, seed, catalog, writer
        catalog.entry(DataSet, run.data)
        self.network: dict[str, Any] = {
            "model": writer.choice(Model, run.model),
            "data": {"id": run.data, "fingerprint": fingerprint or UNKNOWN_FINGERPRINT},
            "seed": seed,
            **where,
        }
        self.held_out = _held_out(run)
        self.stages: dict[str, Stage] = {}
        self._folded: dict[tuple[str, float], Folded] = {}
        self._folding: list[str] = []

    def cell(self, method: Method, sparsity: float) -> PlannedCell:
        """Return the cell of a method at a sparsity; its stages are added to `stages`."""
        found = self.fold(method, sparsity)
        settings = {} if method.method == DENSE else settings_of(method)
        stages = tuple(dict.fromkeys(found.stages))
        return PlannedCell(self.run_id, method.method, sparsity, self.seed, stages, found.measures, settings)

    def fold(self, method: Method, sparsity: float) -> Folded:
        """Fold a method at a sparsity.

        Raises:
            BadConfig: steps that do not follow from each other.
            UnknownName: a step, recipe or method that does not exist.
        """
        key = (method.method, sparsity)
        if key in self._folded:
            return self._folded[key]
        if method.method in self._folding:
            raise BadConfig(
                f"{self._label(method, sparsity)}: methods take shapes or masks from each other in a circle: "
                f"{' -> '.join([*self._folding, method.method])}."
            )
        self._folding.append(method.method)
        found = Folded()
        placed = self._unrolled(steps_of(self.run, method), sparsity, method)
        for place, each in enumerate(placed):
            label = self._label(method, sparsity)
            found.state = self._apply(each, found, label, placed[place + 1 :])
            for name in _names(each):
                found.states[name] = found.state
        self._folding.pop()
        self._folded[key] = found
        return found

    def _label(self, method: Method, sparsity: float) -> str:
        at = "" if method.method == DENSE else f" {sparsity:.6g}"
        return f"{self.run_id} · seed {self.seed} · {method.method}{at}"

    def _unrolled(self, steps: Sequence[AnyStep], sparsity: float, method: Method, round_: int = 0) -> list[Placed]:
        """Write repetitions out; the sparsity of each round follows their schedule."""
        found: list[Placed] = []
        for step in steps:
            if isinstance(step, Repeat):
                targets = self.course(step.schedule, sparsity, step.repeat)
                for number, target in enumerate(targets, start=1):
                    found += self._unrolled(step.steps, target, method, number)
            else:
                found.append(Placed(step, sparsity, round_))
        return found

    def _apply(self, placed: Placed, so_far: Folded, label: str, later: Sequence[Placed]) -> State:
        step, state = placed.step, so_far.state
        if not isinstance(step, Init | ShapeOf) and not state.weights:
            raise BadConfig(f"{label}: the first step is `{step.do}`; `init` must come before it.")  # type: ignore[attr-defined]
        match step:
            case Init():
                return self._init(so_far, label)
            case Train():
                return self._train(step, placed, so_far, label, later)
            case Prune():
                return self._prune(step, placed, so_far, label)
            case Rewind():
                old = _same_shape(_named(so_far, step.to, label), state, f"to {step.to}", label)
                return _with_mask_of(state, old)
            case Adopt():
                mask, sparsity = self._mask_of(step, placed, so_far, label)
                return replace(state, mask=mask, sparsity=sparsity)
            case ApplyTransform():
                return self._transform(step, so_far, label, placed)
            case Search():
                return self._search(step, placed, so_far, label)
            case Shrink():
                return self._shrink(so_far, label)
            case Measure():
                return self._measure(step, placed, so_far, label)
            case ShapeOf():
                other = self.fold(self._method(step.method, label), placed.sparsity).state
                if not other.shape:
                    raise BadConfig(
                        f'{label}: the method "{step.method}" does not shrink its network. Add a shrink step.'
                    )
                return State(shape=other.shape)
        raise AssertionError(step)

    # Each of the following adds the stage of one step.

    def _init(self, so_far: Folded, label: str) -> State:
        state = so_far.state
        upstream = {"shape": state.shape} if state.shape else {}
        digest = self._add(so_far, "init", f"{self.run_id} · seed {self.seed} · init", self.network, upstream)
        return State(weights=digest, shape=state.shape)

    def _train(self, step: Train, placed: Placed, so_far: Folded, label: str, later: Sequence[Placed]) -> State:
        state = so_far.state
        if step.origin is not None:
            old = _same_shape(_named(so_far, step.origin, label), state, f"from {step.origin}", label)
            state = _with_mask_of(state, old)
        recipe = self.recipe(step.recipe, step.change, label)
        behind = state.position.get(step.recipe, 0)
        start = step.start if step.start is not None else behind if behind < recipe.epochs else 0
        stop = (
            step.until if step.until is not None else start + step.epochs if step.epochs is not None else recipe.epochs
        )
        if not start <= stop <= recipe.epochs:
            raise BadConfig(
                f'{label}: training from epoch {start} to {stop} of the recipe "{step.recipe}", which has '
                f"{recipe.epochs}. Shorten it, or lengthen the recipe."
            )
        upstream = state.upstream()
        if step.optimizer == "kept":
            if not state.trained:
                raise BadConfig(
                    f'{label}: optimizer = "kept" needs weights that come straight from a training. Leave it out.'
                )
            upstream["optimizer"] = state.trained
        marked = {each.marked for each in step.regularizers if each.marked is not None}
        if len(marked) > 1:
            raise BadConfig(f"{label}: regularizers name the marks of {sorted(marked)}; one step was expected.")
        for name in marked:
            upstream["marked"] = _named_mask(so_far, name, label).mask
        inputs = {
            **self.network,
            "recipe": self.writer.recipe(recipe),
            "phase": step.recipe,
            "start": start,
            "stop": stop,
            "gradual": None if step.gradual is None else self._gradual(step.gradual, placed, stop, label),
            "updates": [self._moving(each, placed) for each in step.updates],
            "regularizers": [self.writer.choice(Regularizer, each.what) for each in step.regularizers],
            "watch": [
                {**self.writer.choice(Metric, each.what), "every": each.every, "reduce": each.reduce}
                for each in step.watch
            ],
            "keep_optimizer": _keeps(later, step.name),
            **self._watched(step, label),
        }
        digest = self._add(so_far, "train", label, inputs, upstream, stop - start)
        moves = step.gradual is not None or bool(step.updates)
        to_target = step.gradual is not None or any("sparsity" in each for each in inputs["updates"])
        return replace(
            state,
            weights=digest,
            mask=digest if moves else state.mask,
            trained=digest,
            epochs=state.epochs + stop - start,
            position=MappingProxyType({**state.position, step.recipe: stop}),
            sparsity=placed.sparsity if to_target else state.sparsity,
        )

    def _moving(self, moving: Moving, placed: Placed) -> dict[str, Any]:
        """Write out an update; the target only where it asks for it."""
        written = self.writer.choice(Update, moving.what)
        written |= {"every": moving.every, "start": moving.start, "until": moving.until}
        if "sparsity" in ingredients(self.catalog.get(Update, moving.what.id).update):
            written["sparsity"] = placed.sparsity
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

    def _gradual(self, gradual: Gradual, placed: Placed, stop: int, label: str) -> dict[str, Any]:
        if gradual.end >= stop:
            raise BadConfig(f"{label}: pruning ends at epoch {gradual.end} of a training of {stop}.")
        return {
            **self._scoring(gradual, label),
            "selection": self.writer.selection(gradual.select),
            "course": self.course(gradual.schedule, placed.sparsity, gradual.end - gradual.start + 1),
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

    def _prune(self, step: Prune, placed: Placed, so_far: Folded, label: str) -> State:
        state = so_far.state
        target = placed.sparsity if step.sparsity is None else step.sparsity
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
        digest = self._add(so_far, "prune", f"{label} · prune", inputs, state.upstream())
        if not step.apply:
            marked = replace(state, mask=digest, sparsity=target)
            so_far.states.update({f"mask of {name}": marked for name in _names(placed)})
            return state
        changes_weights = self._updates_survivors(step)
        return replace(
            state,
            mask=digest,
            weights=digest if changes_weights else state.weights,
            trained="" if changes_weights else state.trained,
            sparsity=target,
        )

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

    def _updates_survivors(self, step: Prune) -> bool:
        return self.catalog.get(Criterion, step.criterion.id).updates_survivors

    def _mask_of(self, step: Adopt, placed: Placed, so_far: Folded, label: str) -> tuple[str, float]:
        """Return the mask that is taken over, and the sparsity that it was made for."""
        if step.mask is not None:
            named = _named_mask(so_far, step.mask, label)
            return named.mask, named.sparsity
        assert step.method is not None
        other = self.fold(self._method(step.method, label), placed.sparsity).state
        mask = _same_shape(other, so_far.state, f"method {step.method}", label).mask
        if not mask:
            raise BadConfig(f'{label}: the method "{step.method}" makes no mask. Add a step that prunes.')
        so_far.stages.append(mask)
        return mask, other.sparsity

    def _transform(self, step: ApplyTransform, so_far: Folded, label: str, placed: Placed) -> State:
        state = so_far.state
        entry = self.catalog.entry(Transform, step.what.id)
        asked = ingredients(entry.value.transform)
        if "scores" in asked:
            raise BadConfig(
                f'{label}: the transform "{step.what.id}" changes scores. Name it in `transforms` of a prune step.'
            )
        if {"inputs", "labels"}.intersection(asked):
            raise BadConfig(
                f'{label}: the transform "{step.what.id}" changes scoring samples. Name it in `transforms` of a sample.'
            )
        inputs = {**self.network, "transform": self.writer.choice(Transform, step.what)}
        if placed.round:
            inputs["round"] = placed.round
        digest = self._add(so_far, "transform", f"{label} · {step.what.id}", inputs, state.upstream())
        keeps_mask, keeps_weights = "mask" in entry.value.keeps, "weights" in entry.value.keeps
        return replace(
            state,
            mask=state.mask if keeps_mask or not state.mask else digest,
            weights=state.weights if keeps_weights else digest,
            trained=state.trained if keeps_weights else "",
        )

    def _search(self, step: Search, placed: Placed, so_far: Folded, label: str) -> State:
        state = so_far.state
        if state.mask:
            raise BadConfig(
                f"{label}: a search starts from a network without a mask. Leave out the step that prunes before it."
            )
        recipe = self.recipe(step.recipe, step.change, label)
        inputs = {
            **self.network,
            "search": self.writer.choice(MaskSearch, step.what),
            "recipe": self.writer.recipe(recipe),
            "phase": step.recipe,
            "sparsity": placed.sparsity if step.sparsity is None else step.sparsity,
        }
        digest = self._add(so_far, "search", f"{label} · {step.what.id}", inputs, state.upstream(), recipe.epochs)
        return replace(
            state,
            weights=digest,
            mask=digest,
            trained=digest,
            epochs=state.epochs + recipe.epochs,
            sparsity=inputs["sparsity"],
        )

    def _shrink(self, so_far: Folded, label: str) -> State:
        state = so_far.state
        if not state.mask:
            raise BadConfig(f"{label}: there is no mask to shrink by. Prune before.")
        if state.shape:
            raise BadConfig(f"{label}: the network is shrunk already; a second shrink step is not supported.")
        digest = self._add(so_far, "shrink", f"{label} · shrink", self.network, state.upstream())
        return replace(state, weights=digest, mask=digest, shape=digest, trained="", sparsity=0.0)

    def _measure(self, step: Measure, placed: Placed, so_far: Folded, label: str) -> State:
        state = so_far.state
        metrics = [self.writer.choice(Metric, each) for each in step.metrics]
        values = [self.catalog.get(Metric, each.id) for each in step.metrics]
        asked = {name for value in values for name in ingredients(value.measure)}
        for value in values:
            _check_place(
                value, WATCHED_ONLY, "while a network trains. Name it in `watch` of a step that trains.", label
            )
        inputs: dict[str, Any] = {**self.network, "metrics": metrics}
        upstream = state.upstream()
        if "epochs" in asked:
            inputs["epochs"] = state.epochs
        if "probe" in asked:
            inputs["sample"] = self._sample(step.sample, label)
        if self.held_out and asked & {"probe", "train", "data"}:
            inputs["validation"] = self.held_out
        if "history" in asked and state.trained:
            upstream["history"] = state.trained
        if asked & {"reference", "reference_weights", "reference_alive"}:
            if step.against is None:
                names = ", ".join(each.id for each in step.metrics)
                raise BadConfig(f"{label}: {names} compare with another measurement. Name its step: against = NAME.")
            upstream |= self._reference(step.against, asked, so_far, label)
            known = [each["id"] for each in self.stages[so_far.measures[step.against]].inputs["metrics"]]
            for value in values:
                for need in value.needs:
                    if need not in known:
                        raise BadConfig(
                            f'{label}: the metric "{value.id}" compares with "{need}" of the step "{step.against}", '
                            f"which measures {', '.join(known)}. Add it there."
                        )
        digest = self._add(so_far, "measure", f"{label} · {step.name or 'end'}", inputs, upstream)
        for name in _names(placed) or ["end"]:
            so_far.measures[name] = digest
        return state

    def _reference(self, name: str, asked: set[str], so_far: Folded, label: str) -> dict[str, str]:
        if name not in so_far.measures:
            raise UnknownName.among("step that measures", name, so_far.measures, where=f"{label}, against")
        state = so_far.states[name]
        if asked & {"reference_weights", "reference_alive"}:
            _same_shape(state, so_far.state, f"against {name}", label)
        found = {"reference": so_far.measures[name]} if "reference" in asked else {}
        if asked & {"reference_weights", "reference_alive"}:
            found |= {"reference_weights": state.weights} | ({"reference_mask": state.mask} if state.mask else {})
        return found

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

    def _method(self, name: str, label: str) -> Method:
        for method in self.run.methods:
            if method.method == name:
                return method
        raise UnknownName.among("method", name, {each.method for each in self.run.methods}, where=label)

    def _add(
        self,
        so_far: Folded,
        kind: str,
        label: str,
        inputs: Mapping[str, Any],
        upstream: Mapping[str, str],
        epochs: int = 0,
    ) -> str:
        stage = Stage(kind, label, inputs, upstream, epochs)
        digest = stage.digest
        self.stages.setdefault(digest, stage)
        so_far.stages.append(digest)
        return digest


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


def _names(placed: Placed) -> list[str]:
    """Return the names by which a step is known: in a repetition that of its round, and its own for the last round."""
    if placed.step.name is None:
        return []
    return [placed.step.name, *([f"{placed.step.name}-{placed.round}"] if placed.round else [])]


def _named(so_far: Folded, name: str, label: str) -> State:
    if name not in so_far.states:
        known = [each for each in so_far.states if not each.startswith("mask of ")]
        raise UnknownName.among("step", name, known, where=label)
    return so_far.states[name]


def _with_mask_of(state: State, old: State) -> State:
    """Return an earlier network under the mask and in the shape of today; epochs count on."""
    return replace(old, mask=state.mask, shape=state.shape, epochs=state.epochs, sparsity=state.sparsity)


def _same_shape(other: State, state: State, place: str, label: str) -> State:
    """Check that what is taken over comes from a network of the same shape."""
    if other.shape != state.shape:
        raise BadConfig(
            f"{label}, {place}: there the network has another shape, because of a shrink step between. Take it over "
            "before the shrink step."
        )
    return other


def _named_mask(so_far: Folded, name: str, label: str) -> State:
    """Return the network with the mask that a step has made, whether it was applied or only marks."""
    found = so_far.states.get(f"mask of {name}") or _named(so_far, name, label)
    _same_shape(found, so_far.state, f"mask of {name}", label)
    if not found.mask:
        raise BadConfig(f'{label}: the step "{name}" has no mask. Name a step that prunes.')
    return found


def _keeps(later: Sequence[Placed], name: str | None) -> bool:
    """Say whether a later training goes on with the optimizer's state of the one before."""
    following = next((each.step for each in later if isinstance(each.step, Train | Init)), None)
    goes_on = isinstance(following, Train) and following.origin is None and following.optimizer == "kept"
    by_name = any(
        isinstance(each.step, Train) and each.step.optimizer == "kept" and name is not None and each.step.origin == name
        for each in later
    )
    return goes_on or by_name
