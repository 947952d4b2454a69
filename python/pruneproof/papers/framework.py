"""Reads off a method's steps where its mask and its weights come from: the common form of pruning methods.

Wang, Qin, Bai, Zhang, Fu (2022), arXiv 2103.06460: a mask from the weights at one moment of training, weights from
another, and what is trained under the mask (second-hand; the survey's text was not read).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pruneproof.papers.schema import Method, Run
from pruneproof.papers.setups import Training, deciding, flat, trainings_of
from pruneproof.papers.short_form import steps_of
from pruneproof.papers.steps import Adopt, ApplyTransform, Prune, Search, ShapeOf, Step, Train


class Origin(NamedTuple):
    """Where the network of a method comes from; w(0) is the initialisation, w(K) the end of a recipe."""

    mask: str
    weights: str
    """Those that are trained under the final mask, or that it is left with."""
    changed: str
    """By which transforms of mask or weights, in order; empty for none."""
    trained: str
    """For how long, from the first decision about the mask on."""
    over_time: str
    """Whether the mask moves while the network trains."""


def origin_of(run: Run, method: Method) -> Origin:
    """Return where mask and weights of a method come from, how it is trained, and whether its mask moves.

    >>> run = Run.model_validate({"about": "", "model": "mlp", "data": "digits", "recipe": {
    ...     "dense": {"epochs": 4, "batch": 1, "lr": 1}}})
    >>> ticket = [{"do": "init", "name": "start"}, {"do": "train", "recipe": "dense"}, {"do": "prune"},
    ...     {"do": "rewind", "to": "start"}, {"do": "train", "recipe": "dense"}, {"do": "measure"}]
    >>> tuple(origin_of(run, Method.model_validate({"method": "ticket", "steps": ticket})))
    ('w(K), magnitude', 'w(0)', '', '4 epochs', 'static')
    """
    steps = flat(steps_of(run, method))
    places = [place for place in deciding(steps) if place < len(steps)]
    changed = [step.what.id for step in steps if isinstance(step, ApplyTransform)]
    if not places:
        _, made_by = trainings_of(run, steps)
        return Origin("none", _moment(made_by), ", ".join(changed), _length(made_by), "none")
    first, last = places[0], places[-1]
    under = next((place for place in range(last, len(steps)) if isinstance(steps[place], Train)), len(steps))
    before, _ = trainings_of(run, steps[:first])
    every, _ = trainings_of(run, steps)
    searched = sum(isinstance(step, Search) for step in steps)
    after = every[len(before) + searched :]
    return Origin(
        _mask(run, steps, places),
        _moment(trainings_of(run, steps[:under])[1]),
        ", ".join(dict.fromkeys(changed)),
        _length(after),
        _over_time(steps[last]),
    )


def rows_of(runs: Mapping[str, Run]) -> dict[Origin, list[str]]:
    """Return origin -> the methods of all runs that have it, in the order of the runs."""
    found: dict[Origin, list[str]] = {}
    for run in runs.values():
        for method in run.methods:
            names = found.setdefault(origin_of(run, method), [])
            if method.method not in names:
                names.append(method.method)
    return found


def _mask(run: Run, steps: Sequence[Step], places: Sequence[int]) -> str:
    """Say which weights decided the mask last, by what, and how often."""
    step = steps[places[-1]]
    if isinstance(step, Adopt | ShapeOf):
        return f"that of {step.method or getattr(step, 'mask', '')}"
    moment = _moment(trainings_of(run, steps[: places[-1]])[1])
    if isinstance(step, Search):
        return f"{moment}, {step.what.id}"
    if isinstance(step, Prune):
        times = step.iterations
        rounds = sum(isinstance(steps[place], Prune) for place in places)
        often = f" in {rounds} rounds" if rounds > 1 else f" in {times} steps" if times > 1 else ""
        return f"{moment}, {step.criterion.id}{often}"
    pruned = [each for place in places[:-1] if isinstance(each := steps[place], Prune)]
    begins = f", {pruned[0].criterion.id}" if pruned else ", none"
    return f"{moment}{begins} to begin with"


def _over_time(step: Step) -> str:
    if not isinstance(step, Train):
        return "static"
    by = [each.what.id for each in step.updates]
    return f"moves: {', '.join([*(['gradual'] if step.gradual is not None else []), *by])}"


def _moment(made_by: Sequence[Training]) -> str:
    if not made_by:
        return "w(0)"
    recipe, _, stop = made_by[-1]
    return "w(K)" if stop == recipe.epochs else f"w({stop})"


def _length(parts: Sequence[Training]) -> str:
    total = sum(stop - start for _, start, stop in parts)
    return f"{total} epoch{'' if total == 1 else 's'}" if total else "not"
