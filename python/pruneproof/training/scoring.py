"""Calls a criterion on the ingredients that it asks for, and checks what it answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from pruneproof.contracts.criterion import Criterion, Scored
from pruneproof.contracts.dataset import Batch
from pruneproof.contracts.ingredients import Tensors
from pruneproof.errors import BadConfig, BadTensor, UnknownName
from pruneproof.training.normalisation import scales
from pruneproof.training.probe import Mode, ModelProbe
from pruneproof.training.seeding import seeded
from pruneproof.values.masks import MaskSet


def score(
    criterion: Criterion,
    options: Mapping[str, Any],
    model: nn.Module,
    names: Sequence[str],
    masks: MaskSet | None,
    batches: Sequence[Batch],
    rng: torch.Generator,
) -> dict[str, torch.Tensor]:
    """Return the scores of the weights `names` of `model` by `criterion`; larger means keep: those of `scored`."""
    return dict(scored(criterion, options, model, names, masks, batches, rng).scores)


def scored(
    criterion: Criterion,
    options: Mapping[str, Any],
    model: nn.Module,
    names: Sequence[str],
    masks: MaskSet | None,
    batches: Sequence[Batch],
    rng: torch.Generator,
    *,
    mode: Mode = "criterion",
    initial: Callable[[], Tensors] | None = None,
) -> Scored:
    """Return the scores of the weights `names` of `model` by `criterion`, and what becomes of the survivors.

    Args:
        criterion: whose ingredients are gathered, and no others.
        options: of the criterion; defaults fill the rest.
        model: left untouched, as are torch's global generators.
        names: state-dict names of the prunable weights.
        masks: of at least these weights; None where all are alive.
        batches: scoring samples and labels on the model's device; one is enough where only the input's shape matters,
            none where the criterion asks for neither data nor probe.
        rng: a generator on the CPU, from the run's `criterion` stream; dropout and any global draw of the criterion are
            seeded from its initial seed.
        mode: the mode in which derivatives are taken: as the criterion asks, or forced to `eval` or `train`.
        initial: gives the prunable weights as the network was initialised, for a criterion that asks for them.

    Returns:
        Scores of the weights' shapes, floating point, free of NaN, in the order of `names`; and the criterion's update
        of the survivors, None where it has none.

    Raises:
        UnknownName: an option that the criterion does not have.
        BadConfig: an option of another type than its default, or too few scoring samples.
        BadTensor: masks that do not fit, or scores with other names, shapes or dtypes than the weights, or with NaN.
    """
    chosen = {**criterion.options, **_checked_options(criterion, options)}
    ingredients = gather(model, names, masks, batches, rng, criterion.ingredients, mode=mode, initial=initial)
    with seeded(rng.initial_seed()):
        answer = criterion.score(*ingredients.values(), **chosen)
    found = answer if isinstance(answer, Scored) else Scored(answer)
    parameters = dict(model.named_parameters(remove_duplicate=False))
    scores = _checked_scores(criterion.id, found.scores, {name: parameters[name].shape for name in names})
    return Scored(scores, found.update)


def gather(
    model: nn.Module,
    names: Sequence[str],
    masks: MaskSet | None,
    batches: Sequence[Batch],
    rng: torch.Generator,
    wanted: Iterable[str],
    *,
    mode: Mode = "criterion",
    initial: Callable[[], Tensors] | None = None,
) -> dict[str, Any]:
    """Return the `wanted` ingredients by name, in that order, and compute no others.

    The other arguments are those of `scored`.

    Raises:
        UnknownName: an ingredient outside the vocabulary.
        BadConfig: an ingredient needs scoring samples and there are none, or initial weights that nobody knows.
        BadTensor: a name that the model does not have, or masks that do not fit.
    """
    probe = ModelProbe(model, names, masks, batches, seed=rng.initial_seed(), mode=mode)
    sources: dict[str, Callable[[], Any]] = {
        "weights": probe.weights,
        "grads": probe.gradients,
        "fisher": probe.fisher,
        "activations": probe.activations,
        "alive": probe.alive,
        "initial": initial or _unknown,
        "scales": lambda: scales(model, names),
        "rng": lambda: rng,
        "probe": lambda: probe,
    }
    wanted = list(wanted)
    for name in wanted:
        if name not in sources:
            raise UnknownName.among("ingredient", name, sources)
    return {name: sources[name]() for name in wanted}


def _unknown() -> Tensors:
    raise BadConfig(
        "the criterion asks for the weights as the network was initialised, and only a paper's runs know them. "
        "Score it in a run."
    )


def _checked_options(criterion: Criterion, options: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in options.items():
        if name not in criterion.options:
            raise UnknownName.among(f'option of criterion "{criterion.id}"', name, criterion.options)
        default = criterion.options[name]
        # A whole number does for a float; True does not do for 1.
        fits = type(value) is type(default) or (type(default) is float and type(value) is int)
        if default is not None and not fits:
            raise BadConfig(
                f'criterion "{criterion.id}" got the option {name} = {value!r}, of type {type(value).__name__}: '
                f"{type(default).__name__} was expected, like its default {default!r}."
            )
    return options


def _checked_scores(criterion: str, answer: object, shapes: Mapping[str, torch.Size]) -> dict[str, torch.Tensor]:
    """Return the answer detached and in the order of `shapes`, after checking it against them."""
    if not isinstance(answer, Mapping):
        raise BadTensor(
            f'criterion "{criterion}" returned {type(answer).__name__}: a mapping from name to tensor was expected.'
        )
    if set(answer) != set(shapes):
        missing, extra = sorted(shapes.keys() - answer.keys()), sorted(map(str, answer.keys() - shapes.keys()))
        raise BadTensor(
            f'criterion "{criterion}" returned scores of other tensors than it was given: '
            f"missing {', '.join(missing) or 'none'}; not asked for {', '.join(extra) or 'none'}."
        )
    for name, shape in shapes.items():
        scores = answer[name]
        if not isinstance(scores, torch.Tensor) or not scores.is_floating_point():
            kind = scores.dtype if isinstance(scores, torch.Tensor) else type(scores).__name__
            raise BadTensor(
                f'criterion "{criterion}" scored "{name}" with {kind}: a floating point tensor was expected.'
            )
        if scores.shape != shape:
            raise BadTensor(
                f'criterion "{criterion}" scored "{name}" with shape {tuple(scores.shape)}: '
                f"the weight's shape {tuple(shape)} was expected."
            )
        if scores.isnan().any():
            index = tuple(int(each) for each in scores.isnan().nonzero()[0])
            raise BadTensor(
                f'criterion "{criterion}" scored "{name}" with NaN, first at {index}. '
                "Look for an overflow in its ingredients, or for a model that has diverged."
            )
    return {name: answer[name].detach() for name in shapes}
