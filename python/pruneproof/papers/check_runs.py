"""Checks what `runs.toml` says against itself."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NoReturn

from pydantic import ValidationError

from pruneproof.contracts.recipe import Recipe
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.explain import explain
from pruneproof.papers.locate import KeyPath
from pruneproof.papers.paper import Paper
from pruneproof.papers.schema import Method, Run
from pruneproof.papers.short_form import DENSE, END, PRUNED, RETRAIN, steps_of
from pruneproof.papers.steps import Adopt, AnyStep, Init, Measure, Repeat, Search, ShapeOf, Step, Train


def check_runs(paper: Paper) -> None:
    """Check runs, methods and steps.

    Raises:
        BadConfig: runs without a profile, a method without what it needs, or two that cannot be told apart.
        UnknownName: a recipe or method that does not exist.
    """
    for profile in paper.runs.profiles_with_runs():
        runs = paper.runs.runs(profile)
        if runs and profile not in paper.runs.profiles:
            refuse(paper, (profile,), f'there are runs, but no table "profiles.{profile}". Add it.')
        for run_id, run in runs.items():
            _check_run(paper, run, (profile, run_id))


def every_step(steps: Iterable[AnyStep]) -> Iterator[Step]:
    """Yield the steps, those inside repetitions too, each once."""
    for step in steps:
        if isinstance(step, Repeat):
            yield from every_step(step.steps)
        else:
            yield step


def measured(run: Run, method: Method) -> dict[str, list[str]]:
    """Return name of a step that measures -> its metrics; in a repetition each round has a name of its own."""
    found: dict[str, list[str]] = {}

    def collect(steps: Iterable[AnyStep], rounds: int) -> None:
        for step in steps:
            if isinstance(step, Repeat):
                collect(step.steps, step.repeat)
            elif isinstance(step, Measure):
                name, metrics = step.name or END, [each.id for each in step.metrics]
                found[name] = metrics
                found.update({f"{name}-{number}": metrics for number in range(1, rounds + 1)})

    collect(steps_of(run, method), 0)
    return found


def _check_run(paper: Paper, run: Run, at: KeyPath) -> None:
    named = {
        step.name or END for method in run.methods for step in every_step(method.steps) if isinstance(step, Measure)
    }
    for name in run.measure:
        if name not in {DENSE, PRUNED, END, *named}:
            known = (DENSE, PRUNED, END, *named)
            raise UnknownName.among("step that measures", name, known, where=paper.where("runs.toml", *at, "measure"))
    seen: dict[tuple[str, float], int] = {}
    for number, method in enumerate(run.methods):
        here: KeyPath = (*at, "methods", number)
        if method.method == DENSE:
            refuse(paper, here, 'the method "dense" means the unpruned network. Choose another label.')
        if not method.steps and RETRAIN not in run.recipe and DENSE not in run.recipe:
            refuse(paper, here, "the run has neither a recipe `dense` nor `retrain`, and the method no steps. Add one.")
        _check_steps(paper, run, method, here)
        sparsities = method.sparsities or run.sparsities
        if not sparsities:
            refuse(paper, here, "neither the method nor its run names sparsities.")
        for sparsity in sparsities:
            if (method.method, sparsity) in seen:
                earlier = paper.line("runs.toml", *at, "methods", seen[method.method, sparsity])
                found = f'method "{method.method}" at sparsity {sparsity:g} is already one of this run ({earlier}).'
                refuse(paper, here, f"{found} Change its label or sparsity.")
            seen[method.method, sparsity] = number


def _check_steps(paper: Paper, run: Run, method: Method, here: KeyPath) -> None:
    labels = {each.method for each in run.methods}
    steps = list(every_step(steps_of(run, method)))
    if steps and not isinstance(steps[0], Init | ShapeOf):
        refuse(paper, here, f'method "{method.method}": the first step must be `init` (or `shape-of` before it).')
    for step in steps:
        if isinstance(step, Train | Search):
            _check_recipe(paper, run, step, here, of_steps=bool(method.steps))
        other = step.method if isinstance(step, Adopt | ShapeOf) else None
        if other is not None and other not in labels:
            raise UnknownName.among("method", other, labels, where=paper.where("runs.toml", *here))
    names = Counter(step.name or END for step in steps if isinstance(step, Measure))
    names.update(step.name for step in steps if step.name is not None and not isinstance(step, Measure))
    names.update(_names_of_rounds(steps_of(run, method)))
    if not any(isinstance(step, Measure) for step in steps):
        refuse(
            paper,
            here,
            f'method "{method.method}" measures nothing. Add a step `measure`, or name metrics for `pruned` or `end` '
            "in the run's `measure`.",
        )
    for step in steps:
        metrics = [each.id for each in step.metrics] if isinstance(step, Measure) else []
        metrics = [each.what.id for each in step.watch] if isinstance(step, Train) else metrics
        for metric, count in Counter(metrics).items():
            if count > 1:
                refuse(
                    paper,
                    here,
                    f'method "{method.method}" names the metric "{metric}" {count} times in one step, where each has '
                    "one value. Use a step of another name for other options.",
                )
        if isinstance(step, Measure) and not step.metrics:
            refuse(
                paper,
                here,
                f'method "{method.method}": the step "{step.name or END}" names no metrics, and the run\'s '
                "`measure` neither. Name some.",
            )
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        refuse(paper, here, f'method "{method.method}" has two steps of the name "{twice[0]}". Name one otherwise.')


def _names_of_rounds(steps: Iterable[AnyStep]) -> Iterator[str]:
    """Yield the names that steps have by their round: `each-1`, `each-2`."""
    for step in steps:
        if isinstance(step, Repeat):
            named = [each.name for each in every_step(step.steps) if each.name is not None]
            yield from (f"{name}-{number}" for name in named for number in range(1, step.repeat + 1))


def _check_recipe(paper: Paper, run: Run, step: Train | Search, here: KeyPath, *, of_steps: bool) -> None:
    if step.recipe not in run.recipe:
        raise UnknownName.among("recipe", step.recipe, run.recipe, where=paper.where("runs.toml", *here))
    try:
        Recipe.model_validate(run.recipe[step.recipe].model_dump() | step.change)
    except ValidationError as problem:
        lines = paper.lines["runs.toml"]
        explain(problem, paper.folder / "runs.toml", Recipe, lines, (*here, "steps" if of_steps else "retrain"))


def refuse(paper: Paper, path: KeyPath, message: str, file: str = "runs.toml") -> NoReturn:
    """Raise a message with file and line."""
    raise BadConfig(f"{paper.where(file, *path)}: {message}")
