"""Semantic mutants of a paper's plan: one mistake of the trade each, as a change of its methods or of what claims read.

A mutant is a function from runs to runs, and what it returns goes the way of any plan: nothing in the engine knows it.
The rules that no paper would name are in `mutant_rules.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from pruneproof.contracts.choice import Choice
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.metric import Metric
from pruneproof.errors import BadConfig
from pruneproof.papers.paper import Paper
from pruneproof.papers.schema import Claim, Method, Operand, RerunClaim, Run
from pruneproof.papers.short_form import steps_of
from pruneproof.papers.steps import (
    Adopt,
    AnyStep,
    ApplyTransform,
    Gradual,
    Measure,
    Prune,
    Repeat,
    Sample,
    Search,
    Train,
    Watch,
)
from pruneproof.pipeline.stage_inputs import NEED_DATA
from pruneproof.registry.catalog import Catalog
from pruneproof.selection.rules import resolve

RULES = Path(__file__).with_name("mutant_rules.py")
"""The plugin that registers the rules of mutants."""

Pruning = TypeVar("Pruning", Prune, Gradual)


@dataclass(frozen=True)
class Mutant:
    """One change of a plan."""

    id: str
    about: str
    """What is done in place of what, in one sentence."""
    run: Callable[[Run, Catalog], Run] = lambda run, catalog: run
    """Changes a run whose methods are written out as steps; returns it as it is where it has nothing to change."""
    operand: Callable[[Operand, Catalog], Operand] = lambda operand, catalog: operand
    """Changes what a claim reads."""
    is_chance: bool = False
    """Whether the plan stays the paper's and only chance differs, so that a claim that changes is a warning."""


def written_out(paper: Paper, profile: str, seeds: Sequence[int] | None = None) -> Paper:
    """Return a paper that says the same at a profile with every method as steps and every run with its seeds."""
    default = paper.runs.profile(profile).seeds

    def write(run: Run) -> Run:
        methods = [
            Method(method=each.method, about=each.about, sparsities=each.sparsities, steps=tuple(steps_of(run, each)))
            for each in run.methods
        ]
        return run.model_copy(update={"methods": tuple(methods), "seeds": tuple(seeds or run.seeds or default)})

    return _with_runs(paper, profile, write)


def mutate(paper: Paper, profile: str, mutant: Mutant, catalog: Catalog) -> Paper | None:
    """Return a written-out paper with one change, None where it has nothing that the mutant would change."""
    changed = _with_runs(paper, profile, lambda run: mutant.run(run, catalog))
    claims = tuple(_reading(claim, profile, mutant, catalog) for claim in paper.claims.claim)
    changed = replace(changed, claims=paper.claims.model_copy(update={"claim": claims}))
    same = changed.runs.runs(profile) == paper.runs.runs(profile) and changed.claims == paper.claims
    return None if same else changed


def _reading(claim: Claim, profile: str, mutant: Mutant, catalog: Catalog) -> Claim:
    """Return a claim with what it reads at a profile changed."""
    if not isinstance(claim, RerunClaim) or profile not in claim.evidence:
        return claim
    found = claim.evidence[profile]
    operands = tuple(mutant.operand(each, catalog) for each in found.operands)
    evidence = {**claim.evidence, profile: found.model_copy(update={"operands": operands})}
    return claim.model_copy(update={"evidence": evidence})


def _with_runs(paper: Paper, profile: str, change: Callable[[Run], Run]) -> Paper:
    runs = {name: change(run) for name, run in paper.runs.runs(profile).items()}
    return replace(paper, runs=paper.runs.model_copy(update={profile: runs}))


def _with_steps(run: Run, change: Callable[[Sequence[AnyStep]], list[AnyStep]]) -> Run:
    """Return a run with the list of steps of every method changed."""
    methods = [each.model_copy(update={"steps": tuple(change(each.steps))}) for each in run.methods]
    return run.model_copy(update={"methods": tuple(methods)})


def _each_step(steps: Iterable[AnyStep], change: Callable[[AnyStep], AnyStep]) -> list[AnyStep]:
    """Return steps with each changed by itself, those inside repetitions too."""
    return [
        step.model_copy(update={"steps": tuple(_each_step(step.steps, change))})
        if isinstance(step, Repeat)
        else change(step)
        for step in steps
    ]


def _pruning(change: Callable[[Any, Catalog], dict[str, Any]]) -> Callable[[Run, Catalog], Run]:
    """Return a change of everything that prunes, given what it changes of one such step.

    A change that the step's other rules do not allow is left out.
    """

    def of_one(step: Pruning, catalog: Catalog) -> Pruning:
        changed = step.model_copy(update=change(step, catalog))
        try:
            resolve(changed.select, catalog.get)
        except BadConfig:
            return step
        return changed

    def of_run(run: Run, catalog: Catalog) -> Run:
        def of_step(step: AnyStep) -> AnyStep:
            if isinstance(step, Prune):
                return of_one(step, catalog)
            if isinstance(step, Train) and step.gradual is not None:
                return step.model_copy(update={"gradual": of_one(step.gradual, catalog)})
            return step

        return _with_steps(run, lambda steps: _each_step(steps, of_step))

    return of_run


def _selecting(change: Callable[[Any], dict[str, Any]]) -> Callable[[Run, Catalog], Run]:
    """Return a change of every selection."""
    return _pruning(lambda step, catalog: {"select": step.select.model_copy(update=change(step.select))})


def _counting(rule: str) -> Callable[[Run, Catalog], Run]:
    return _selecting(lambda select: {"count": Choice(id=rule)} if select.count.id == "exact" else {})


def _scope(select: Any) -> dict[str, Any]:
    return {"scope": Choice(id="tensor" if select.scope.id == "global" else "global")}


def _ties(select: Any) -> dict[str, Any]:
    return {"ties": "last" if select.ties == "first" else "first"}


class SampleOfTest(Sample):
    """Scoring samples from the test set: what no file of a paper can say, since files are read as `Sample`."""

    split: Literal["test"] = "test"


def _on_test(step: Any, catalog: Catalog) -> dict[str, Any]:
    looks = NEED_DATA.intersection(catalog.get(Criterion, step.criterion.id).ingredients)
    return {"sample": SampleOfTest(**step.sample.model_dump())} if looks else {}


def _mode(mode: str) -> Callable[[Run, Catalog], Run]:
    def change(step: Any, catalog: Catalog) -> dict[str, Any]:
        looks = NEED_DATA.intersection(catalog.get(Criterion, step.criterion.id).ingredients)
        return {"mode": mode} if isinstance(step, Prune) and looks else {}

    return _pruning(change)


def _signed(step: Any, catalog: Catalog) -> dict[str, Any]:
    return {"criterion": Choice(id="signed-magnitude")} if step.criterion == Choice(id="magnitude") else {}


def _revived(run: Run, catalog: Catalog) -> Run:
    """Drop the mask before each training that goes on under one; a training that moves its mask is left alone."""

    def change(steps: Iterable[AnyStep], masked: bool = False) -> list[AnyStep]:
        found: list[AnyStep] = []
        for step in steps:
            if isinstance(step, Repeat):
                found.append(step.model_copy(update={"steps": tuple(change(step.steps, masked))}))
                continue
            if isinstance(step, Train) and masked and _goes_on(step):
                found.append(ApplyTransform(do="transform", what=Choice(id="revive")))
            masked |= isinstance(step, Adopt | Search) or (isinstance(step, Prune) and step.apply)
            found.append(step)
        return found

    return _with_steps(run, change)


def _goes_on(step: Train) -> bool:
    """Say whether a training takes weights and mask as they stand and keeps the mask."""
    return step.origin is None and step.optimizer == "fresh" and step.gradual is None and not step.updates


LAST, BEST = Choice(id="accuracy"), Choice(id="accuracy-best")


def _best_watched(run: Run, catalog: Catalog) -> Run:
    """Measure the best epoch wherever the last is measured, and record what it is picked by."""
    if BEST.id not in catalog.entries(Metric):
        return run

    def measured(metrics: tuple[Choice, ...]) -> tuple[Choice, ...]:
        return (*metrics, BEST) if LAST in metrics and BEST not in metrics else metrics

    def watched(watch: tuple[Watch, ...]) -> tuple[Watch, ...]:
        return watch if any(each.what == LAST for each in watch) else (*watch, Watch(what=LAST))

    def change(step: AnyStep) -> AnyStep:
        if isinstance(step, Measure):
            return step.model_copy(update={"metrics": measured(step.metrics)})
        return step.model_copy(update={"watch": watched(step.watch)}) if isinstance(step, Train) else step

    measure = {name: measured(metrics) for name, metrics in run.measure.items()}
    run = run.model_copy(update={"measure": measure, "watch": watched(run.watch)})
    return _with_steps(run, lambda steps: _each_step(steps, change))


def _best_read(operand: Operand, catalog: Catalog) -> Operand:
    is_changed = operand.metric == LAST.id and BEST.id in catalog.entries(Metric)
    return operand.model_copy(update={"metric": BEST.id}) if is_changed else operand


def _other_seeds(run: Run, catalog: Catalog) -> Run:
    return run.model_copy(update={"seeds": tuple(seed + 1 for seed in run.seeds)})


MUTANTS: tuple[Mutant, ...] = (
    Mutant("scope", "Each tensor is pruned by itself in place of all together, and the other way round.",
           _selecting(_scope)),
    Mutant("one-more", "One weight, or other unit, more than asked is kept.", _counting("keep-one-more")),
    Mutant("one-fewer", "One weight, or other unit, fewer than asked is kept.", _counting("keep-one-fewer")),
    Mutant("ties", "Of equal scores the last stay in place of the first, and the other way round.", _selecting(_ties)),
    Mutant("signed", "Weights are scored by w in place of |w|.", _pruning(_signed)),
    Mutant("eval-mode", "Scores are computed in evaluation mode.", _mode("eval")),
    Mutant("train-mode", "Scores are computed in training mode.", _mode("train")),
    Mutant("test-data", "Scores are computed on test samples.", _pruning(_on_test)),
    Mutant("revived", "Pruned weights are set to zero once and trained on without a mask.", _revived),
    Mutant("best-epoch", "The best epoch on the test set is reported in place of the last.", _best_watched, _best_read),
    Mutant("seeds", "Every seed is one higher.", _other_seeds, is_chance=True),
)  # fmt: skip
"""All mutants, in the order of reports."""
