"""Folds a method's steps into stages: each step takes the network as it stands and says how it stands afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.model import Model
from pruneproof.contracts.transform import Transform
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.schema import Method, Run
from pruneproof.papers.short_form import DENSE, settings_of, steps_of
from pruneproof.papers.steps import (
    Adopt,
    AnyStep,
    ApplyTransform,
    Init,
    Measure,
    Prune,
    Repeat,
    Rewind,
    Search,
    ShapeOf,
    Shrink,
    Train,
)
from pruneproof.pipeline.plan import UNKNOWN_FINGERPRINT, PlannedCell, Stage
from pruneproof.pipeline.stage_inputs import StageInputs
from pruneproof.pipeline.standing import (
    Folded,
    Placed,
    State,
    keeps_optimizer,
    named,
    named_mask,
    names_of,
    same_shape,
    with_mask_of,
)
from pruneproof.pipeline.writing import Writer
from pruneproof.registry.catalog import Catalog


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
        self.run_id, self.run, self.seed, self.catalog = run_id, run, seed, catalog
        catalog.entry(DataSet, run.data)
        self.network: dict[str, Any] = {
            "model": writer.choice(Model, run.model),
            "data": {"id": run.data, "fingerprint": fingerprint or UNKNOWN_FINGERPRINT},
            "seed": seed,
            **where,
        }
        self.inputs = StageInputs(run, self.network, catalog, writer)
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
            for name in names_of(each):
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
                targets = self.inputs.course(step.schedule, sparsity, step.repeat)
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
                old = same_shape(named(so_far, step.to, label), state, f"to {step.to}", label)
                return with_mask_of(state, old)
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
            old = same_shape(named(so_far, step.origin, label), state, f"from {step.origin}", label)
            state = with_mask_of(state, old)
        recipe = self.inputs.recipe(step.recipe, step.change, label)
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
            upstream["marked"] = named_mask(so_far, name, label).mask
        keeps = keeps_optimizer(later, step.name)
        inputs = self.inputs.train(step, recipe, (start, stop), placed.sparsity, label, keeps_optimizer=keeps)
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

    def _prune(self, step: Prune, placed: Placed, so_far: Folded, label: str) -> State:
        state = so_far.state
        target = placed.sparsity if step.sparsity is None else step.sparsity
        inputs = self.inputs.prune(step, state, placed, target, label)
        digest = self._add(so_far, "prune", f"{label} · prune", inputs, state.upstream())
        if not step.apply:
            marked = replace(state, mask=digest, sparsity=target)
            so_far.states.update({f"mask of {name}": marked for name in names_of(placed)})
            return state
        changes_weights = self._updates_survivors(step)
        return replace(
            state,
            mask=digest,
            weights=digest if changes_weights else state.weights,
            trained="" if changes_weights else state.trained,
            sparsity=target,
        )

    def _updates_survivors(self, step: Prune) -> bool:
        return self.catalog.get(Criterion, step.criterion.id).updates_survivors

    def _mask_of(self, step: Adopt, placed: Placed, so_far: Folded, label: str) -> tuple[str, float]:
        """Return the mask that is taken over, and the sparsity that it was made for."""
        if step.mask is not None:
            marked = named_mask(so_far, step.mask, label)
            return marked.mask, marked.sparsity
        assert step.method is not None
        other = self.fold(self._method(step.method, label), placed.sparsity).state
        mask = same_shape(other, so_far.state, f"method {step.method}", label).mask
        if not mask:
            raise BadConfig(f'{label}: the method "{step.method}" makes no mask. Add a step that prunes.')
        so_far.stages.append(mask)
        return mask, other.sparsity

    def _transform(self, step: ApplyTransform, so_far: Folded, label: str, placed: Placed) -> State:
        state = so_far.state
        entry = self.catalog.entry(Transform, step.what.id)
        inputs = self.inputs.transform(step, placed, label)
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
        recipe = self.inputs.recipe(step.recipe, step.change, label)
        target = placed.sparsity if step.sparsity is None else step.sparsity
        inputs = self.inputs.search(step, recipe, target)
        digest = self._add(so_far, "search", f"{label} · {step.what.id}", inputs, state.upstream(), recipe.epochs)
        return replace(
            state,
            weights=digest,
            mask=digest,
            trained=digest,
            epochs=state.epochs + recipe.epochs,
            sparsity=target,
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
        inputs, asked = self.inputs.measure(step, state, label), self.inputs.asked_by_metrics(step)
        upstream = state.upstream()
        if "history" in asked and state.trained:
            upstream["history"] = state.trained
        if asked & {"reference", "reference_weights", "reference_alive"}:
            if step.against is None:
                names = ", ".join(each.id for each in step.metrics)
                raise BadConfig(f"{label}: {names} compare with another measurement. Name its step: against = NAME.")
            upstream |= self._reference(step.against, asked, so_far, label)
            known = [each["id"] for each in self.stages[so_far.measures[step.against]].inputs["metrics"]]
            for value in self.inputs.metrics(step):
                for need in value.needs:
                    if need not in known:
                        raise BadConfig(
                            f'{label}: the metric "{value.id}" compares with "{need}" of the step "{step.against}", '
                            f"which measures {', '.join(known)}. Add it there."
                        )
        digest = self._add(so_far, "measure", f"{label} · {step.name or 'end'}", inputs, upstream)
        for name in names_of(placed) or ["end"]:
            so_far.measures[name] = digest
        return state

    def _reference(self, name: str, asked: set[str], so_far: Folded, label: str) -> dict[str, str]:
        if name not in so_far.measures:
            raise UnknownName.among("step that measures", name, so_far.measures, where=f"{label}, against")
        state = so_far.states[name]
        if asked & {"reference_weights", "reference_alive"}:
            same_shape(state, so_far.state, f"against {name}", label)
        found = {"reference": so_far.measures[name]} if "reference" in asked else {}
        if asked & {"reference_weights", "reference_alive"}:
            found |= {"reference_weights": state.weights} | ({"reference_mask": state.mask} if state.mask else {})
        return found

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
