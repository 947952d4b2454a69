"""Checks everything that a paper calls by a registered name, and the options it gives."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.choice import Choice
from pruneproof.contracts.claims import ClaimTest, Outcome
from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.figure import Figure
from pruneproof.contracts.floor import Floor
from pruneproof.contracts.lr_schedule import LRSchedule
from pruneproof.contracts.mechanism import Mechanism
from pruneproof.contracts.metric import Metric
from pruneproof.contracts.model import Model
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.regularizer import Regularizer
from pruneproof.contracts.schedule import Schedule
from pruneproof.contracts.search import MaskSearch
from pruneproof.contracts.selection import Selection
from pruneproof.contracts.structure import Structure
from pruneproof.contracts.transform import Transform
from pruneproof.contracts.update import Update
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.check_runs import every_step
from pruneproof.papers.locate import KeyPath
from pruneproof.papers.paper import Paper
from pruneproof.papers.schema import MechanismClaim, Method, RerunClaim, Run
from pruneproof.papers.short_form import steps_of
from pruneproof.papers.steps import AnyStep, ApplyTransform, Gradual, Measure, Prune, Repeat, Sample, Search, Train
from pruneproof.registry.catalog import Catalog
from pruneproof.registry.kinds import kind_of
from pruneproof.selection.rules import SCOPES, resolve
from pruneproof.training.rate import learning_rate, wrapped

Named = Iterator[tuple[type[Any], Choice]]


def check_names(paper: Paper, catalog: Catalog) -> None:
    """Check the names and options of runs, claims and figures.

    Claim tests are tried on empty samples, so each checks its own parameters and number of operands.

    Raises:
        UnknownName: something that the paper's plugins do not register, or an option that it does not have.
        BadConfig: an option without a default is not given, or a claim test refuses its parameters.
    """
    for profile in paper.runs.profiles:
        for run_id, run in paper.runs.runs(profile).items():
            _check_run(paper, catalog, run, (profile, run_id))
    for number, claim in enumerate(paper.claims.claim):
        where = paper.below("claims.toml", "claim", number)
        if isinstance(claim, MechanismClaim):
            check_choice(catalog, Mechanism, claim.check, where)
        elif isinstance(claim, RerunClaim):
            decide = catalog.get(ClaimTest, claim.test.id, where=where).decide
            for evidence in claim.evidence.values():
                parameters = claim.test.options | evidence.parameters
                _try_test(claim.test.id, decide, len(evidence.operands), parameters, where)
    for number, figure in enumerate(paper.figures.figure):
        check_choice(catalog, Figure, figure.kind, paper.below("figures.toml", "figure", number))


def check_choice(catalog: Catalog, of: type[Any], chosen: Choice, where: str) -> None:
    """Check a registered thing by name, and that its options exist and have the types of their defaults.

    Raises:
        UnknownName: nobody registers it, or it has no such option.
        BadConfig: an option of another type, or one without a default that is not given.
    """
    value, kind = catalog.get(of, chosen.id, where=where), kind_of(of)
    options = kind.options(value)
    for name, given in chosen.options.items():
        if of is LRSchedule and name == "then":
            continue
        if name not in options:
            raise UnknownName.among(f'option of {kind.noun} "{chosen.id}"', name, options, where=where)
        default = options[name]
        if not _like(given, default):
            raise BadConfig(
                f'{where}: {kind.noun} "{chosen.id}" has {name} = {given!r}, of type {type(given).__name__}; '
                f"{type(default).__name__} was expected, like its default {default!r}."
            )
    for name, default in options.items():
        if default is inspect.Parameter.empty and name not in chosen.options:
            raise BadConfig(f'{where}: {kind.noun} "{chosen.id}" needs the option "{name}". Add it.')


def _like(given: Any, default: Any) -> bool:
    """Say whether a value has the type of a default; a whole number does for a float, and an array for a tuple.

    A number or a table per tensor does for a count.
    """
    if default is None or default is inspect.Parameter.empty:
        return True
    if isinstance(default, int) and not isinstance(default, bool) and isinstance(given, Mapping):
        return True
    return isinstance(given, {float: (int, float), tuple: (list, tuple)}.get(type(default), type(default))) and (
        isinstance(given, bool) == isinstance(default, bool)
    )


def _check_run(paper: Paper, catalog: Catalog, run: Run, at: KeyPath) -> None:
    def where(*path: str | int) -> str:
        return paper.below("runs.toml", *at, *path)

    check_choice(catalog, Model, run.model, where("model"))
    known = catalog.get(DataSet, run.data, where=where("data")).augmentations
    for name, recipe in run.recipe.items():
        _check_recipe(catalog, recipe, run.data, known, where("recipe", name))
    for step, metrics in run.measure.items():
        for metric in metrics:
            check_choice(catalog, Metric, metric, where("measure", step))
    for number, method in enumerate(run.methods):
        _check_method(catalog, run, method, known, where("methods", number))


def _check_recipe(catalog: Catalog, recipe: Recipe, data: str, known: tuple[str, ...], where: str) -> None:
    for name in recipe.augment:
        if name not in known:
            raise UnknownName.among(f"augmentation of {data}", name, known, where=where)
    schedule: Choice | None = recipe.lr_schedule
    while schedule is not None:
        check_choice(catalog, LRSchedule, schedule, where)
        schedule = wrapped(schedule)
    try:
        learning_rate(recipe, catalog.get)(0.0)
    except BadConfig as problem:
        raise BadConfig(f"{where}: {problem}") from None


def _check_method(catalog: Catalog, run: Run, method: Method, known: tuple[str, ...], where: str) -> None:
    steps = steps_of(run, method)
    for of, chosen in named_by(steps):
        check_choice(catalog, of, chosen, where)
    joined = False
    for step in every_step(steps):
        if isinstance(step, Train | Search) and step.change:
            changed = Recipe.model_validate(run.recipe[step.recipe].model_dump() | step.change)
            _check_recipe(catalog, changed, run.data, known, where)
        if isinstance(step, Train) and step.gradual is not None:
            check_selection(catalog, step.gradual.select, where, joined=True)
        if isinstance(step, Prune):
            check_selection(catalog, step.select, where, joined=joined or step.iterations > 1)
            joined = True


def named_by(steps: list[AnyStep]) -> Named:
    """Yield what the steps name, with its class, selections and all."""
    for step in steps:
        match step:
            case Repeat():
                yield Schedule, step.schedule
                yield from named_by(list(step.steps))
            case Prune():
                yield Criterion, step.criterion
                yield Schedule, step.schedule
                yield from _rules(step.select)
                for each in step.transforms:
                    yield Transform, each
                yield from _of_sample(step.sample)
            case Train():
                yield from ((Update, each.what) for each in step.updates)
                yield from ((Regularizer, each.what) for each in step.regularizers)
                yield from ((Metric, each.what) for each in step.watch)
                yield from _of_sample(step.sample)
                if isinstance(step.gradual, Gradual):
                    yield Criterion, step.gradual.criterion
                    yield Schedule, step.gradual.schedule
                    yield from _rules(step.gradual.select)
                    yield from _of_sample(step.gradual.sample)
            case ApplyTransform():
                yield Transform, step.what
            case Search():
                yield MaskSearch, step.what
            case Measure():
                yield from ((Metric, each) for each in step.metrics)
                yield from _of_sample(step.sample)


def _of_sample(sample: Sample) -> Named:
    yield from ((Transform, each) for each in sample.transforms)


def _rules(selection: Selection) -> Named:
    """Yield the registered rules of a selection."""
    for of, chosen, words in _named_rules(selection):
        if chosen.id not in words:
            yield of, chosen


def _named_rules(selection: Selection) -> list[tuple[type[Any], Choice, tuple[str, ...]]]:
    """Return class, choice and the words that are no registered rule."""
    return [
        (Allocation, selection.scope, SCOPES),
        (Structure, selection.structure, ("weight",)),
        (Floor, selection.floor, ("none",)),
        (CountingRule, selection.count, ("exact",)),
    ]


def check_selection(catalog: Catalog, selection: Selection, where: str, *, joined: bool) -> None:
    """Check the rules of a selection, and, if `joined`, that they can continue from a mask.

    Raises:
        UnknownName: an id that nobody registers, or an option that it does not have.
        BadConfig: rules that cannot be applied together.
    """
    for _, chosen, words in _named_rules(selection):
        if chosen.id in words and chosen.options:
            raise BadConfig(f'{where}: "{chosen.id}" takes no options; found {dict(chosen.options)}.')
    try:
        rules = resolve(selection, catalog.get)
    except BadConfig as problem:
        raise BadConfig(f"{where}: {problem}") from None
    if joined and rules.floor is not None and rules.floor.final:
        raise BadConfig(
            f'{where}: the floor "{rules.floor.id}" is a one-shot rule for dense networks; it cannot continue from a '
            "mask."
        )


def _try_test(
    test: str, decide: Callable[..., Outcome], operands: int, parameters: Mapping[str, Any], where: str
) -> None:
    samples: list[tuple[float, ...]] = [()] * operands
    try:
        inspect.signature(decide).bind(samples, **parameters)
        decide(samples, **parameters)
    except BadConfig as problem:
        raise BadConfig(f"{where}: {problem}") from None
    except TypeError as problem:
        raise BadConfig(f'{where}: claim test "{test}" refuses its parameters: {problem}.') from None
    except (ArithmeticError, ValueError, LookupError):
        return  # a third-party test that stumbles over empty samples has taken its parameters
