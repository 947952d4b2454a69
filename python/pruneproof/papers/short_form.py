"""The short form of a method, written out as steps, and what a method chose, for figures."""

from typing import Any

from pruneproof.papers.schema import Method, Run
from pruneproof.papers.steps import AnyStep, Init, Measure, Prune, Repeat, Train

DENSE = "dense"
"""The recipe of the unpruned network, and the label of the method that trains it."""
RETRAIN, PRUNED, END = "retrain", "pruned", "end"


def dense_method() -> Method:
    """Return the method that trains the unpruned network and measures it."""
    return Method(method=DENSE)


def steps_of(run: Run, method: Method) -> list[AnyStep]:
    """Return the steps of a method: its own, or those that its short form stands for.

    Train by the recipe `dense` where the run has one, prune, train by `retrain`, and measure what the run's `measure`
    names. Where nothing is retrained (`retrain.epochs = 0`, or no such recipe), the method ends right after pruning.
    """
    if method.steps:
        return [_completed(run, step) for step in method.steps]
    found: list[AnyStep] = [Init(do="init")]
    dense = run.measure.get(DENSE, ())
    if DENSE in run.recipe:
        found.append(Train(do="train", recipe=DENSE, watch=run.watch))
        if dense:
            name = END if method.method == DENSE else DENSE
            found.append(Measure(do="measure", metrics=dense, name=name))
    if method.method == DENSE:
        return found
    found.append(
        Prune(
            do="prune",
            criterion=method.criterion,
            select=method.select,
            sample=method.sample,
            schedule=method.schedule,
            iterations=method.iterations,
        )
    )
    against = DENSE if DENSE in run.recipe and dense else None
    if PRUNED in run.measure:
        found.append(Measure(do="measure", metrics=run.measure[PRUNED], against=against, name=PRUNED))
    if RETRAIN in run.recipe and method.retrain.get("epochs", 1) != 0:
        found.append(Train(do="train", recipe=RETRAIN, change=method.retrain, watch=run.watch))
        if END in run.measure:
            found.append(Measure(do="measure", metrics=run.measure[END], against=against, name=END))
    return found


def _completed(run: Run, step: AnyStep) -> AnyStep:
    """Return a step with what it takes from the run where it names nothing of its own."""
    if isinstance(step, Repeat):
        return step.model_copy(update={"steps": tuple(_completed(run, each) for each in step.steps)})
    if isinstance(step, Train) and not step.watch:
        return step.model_copy(update={"watch": run.watch})
    if isinstance(step, Measure) and not step.metrics:
        return step.model_copy(update={"metrics": run.measure.get(step.name or END, ())})
    return step


def settings_of(method: Method) -> dict[str, Any]:
    """Return what a method chose where it prunes, for figures and reports: the last step that prunes speaks.

    >>> settings_of(Method(method="lm", criterion={"id": "linear-model", "penalty": 0.1}, iterations=14))
    {'criterion': 'linear-model', 'scope': 'global', 'structure': 'weight', 'schedule': 'one-shot', 'iterations': 14, \
'penalty': 0.1}
    """
    rounds, last = _last_prune(list(method.steps)) if method.steps else (1, method)
    if last is None:
        return {}
    found: dict[str, Any] = {
        "criterion": last.criterion.id,
        "scope": last.select.scope.id,
        "structure": last.select.structure.id,
        "schedule": last.schedule.id,
        "iterations": getattr(last, "iterations", 1),
    }
    if rounds > 1:
        found["rounds"] = rounds
    return found | dict(last.criterion.options)


def _last_prune(steps: list[AnyStep]) -> tuple[int, Any]:
    found: tuple[int, Any] = (1, None)
    for step in steps:
        if isinstance(step, Repeat):
            rounds, inner = _last_prune(list(step.steps))
            found = (rounds * step.repeat, inner) if inner is not None else found
        elif isinstance(step, Prune):
            found = (1, step)
        elif isinstance(step, Train) and step.gradual is not None:
            found = (1, step.gradual)
    return found
