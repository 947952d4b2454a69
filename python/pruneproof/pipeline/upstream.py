"""What earlier stages wrote, read by later ones and by claims: of the form that such a stage writes, or refused."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from pruneproof.contracts.metric import Metric, is_answer
from pruneproof.errors import BadTensor, StoreCorrupt, UnknownName
from pruneproof.papers.record import FactRecord
from pruneproof.pipeline.kinds.table import FACTS, HISTORY, MASK, MEASUREMENT, OPTIMIZER, SHAPE, WEIGHTS
from pruneproof.pipeline.store import Finished
from pruneproof.registry.catalog import Catalog
from pruneproof.shrinking.shape import Shape
from pruneproof.training.checkpoint import load_tensors
from pruneproof.training.train import History
from pruneproof.values.masks import MaskSet
from pruneproof.values.measurements import Measurement

_FACTS = TypeAdapter(list[FactRecord])
_HISTORY = TypeAdapter(History)


def load_weights(finished: Finished, module: nn.Module) -> None:
    """Put the weights of a stage into a network.

    Raises:
        StoreCorrupt: they are other tensors than the network has.
    """
    with _of(finished, WEIGHTS.file):
        tensors = load_tensors(finished.file(WEIGHTS.file))[0]
        _check_same(module.state_dict(), tensors)
        module.load_state_dict(tensors)


def load_masks(finished: Finished, module: nn.Module) -> MaskSet:
    """Return the mask of a stage, which fits the network.

    Raises:
        StoreCorrupt: it does not fit.
    """
    with _of(finished, MASK.file):
        masks, shapes = MaskSet.load(finished.file(MASK.file)), _shapes(module.state_dict())
        for name, shape in masks.shapes.items():
            if shapes.get(name) != shape:
                raise ValueError(f'"{name}" has shape {shape} in it and {shapes.get(name)} in the network')
        return masks


def load_shape(finished: Finished, module: nn.Module) -> None:
    """Cut a network down to the shape that a stage left, in place.

    Raises:
        StoreCorrupt: it is that of another network.
    """
    with _of(finished, SHAPE.file):
        Shape.from_json(finished.json(SHAPE.file)["shape"]).apply_(module)


def load_history(finished: Finished) -> Mapping[str, Any]:
    """Return what a training saw.

    Raises:
        StoreCorrupt: it is no history.
    """
    with _of(finished, HISTORY.file):
        return vars(_HISTORY.validate_python(finished.json(HISTORY.file)))


def load_optimizer(finished: Finished, module: nn.Module) -> Mapping[str, torch.Tensor]:
    """Return the state of an optimizer as tensors named `optimizer/<parameter index>/<key>`.

    Raises:
        StoreCorrupt: it is that of other parameters.
    """
    with _of(finished, OPTIMIZER.file):
        tensors = load_tensors(finished.file(OPTIMIZER.file))[0]
        parameters = list(module.parameters())
        for name, tensor in tensors.items():
            place, index, _ = name.split("/")
            shapes = (parameters[int(index)].shape, torch.Size())
            if place != "optimizer" or tensor.shape not in shapes or not tensor.is_floating_point():
                raise ValueError(f'"{name}" is {tensor.dtype} of shape {tuple(tensor.shape)}')
        return tensors


def load_measurement(finished: Finished, catalog: Catalog) -> Measurement:
    """Return what a stage measured.

    Raises:
        StoreCorrupt: one of the metrics that it was to measure is missing, or has no value of its kind.
    """
    with _of(finished, MEASUREMENT.file):
        values = Measurement.from_json(finished.json(MEASUREMENT.file))
        for metric in (catalog.get(Metric, each["id"]) for each in finished.stage["inputs"]["metrics"]):
            has = metric.id in values
            if not has or not is_answer(values[metric.id], metric.per, has_unit=bool(metric.unit)):
                found = f"{values[metric.id]!r:.60}" if has else "nothing"
                raise ValueError(f'{found} for the metric "{metric.id}"')
        return values


def load_facts(finished: Finished) -> list[dict[str, Any]]:
    """Return the facts of a mechanism.

    Raises:
        StoreCorrupt: it is no list of facts.
    """
    with _of(finished, FACTS.file):
        return [each.model_dump() for each in _FACTS.validate_python(finished.json(FACTS.file))]


@contextmanager
def _of(finished: Finished, file: str) -> Iterator[None]:
    """Refuse what is read, with the folder to delete, if it is of another form than such a stage writes."""
    path = finished.folder / file
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as problem:
        raise _refusal(finished, path, _told(problem)) from problem
    except (BadTensor, UnknownName) as problem:
        raise _refusal(finished, path, str(problem)) from problem
    except StoreCorrupt as problem:
        if f"folder {finished.folder}" in str(problem):
            raise
        raise _refusal(finished, path, str(problem)) from problem


def _refusal(finished: Finished, path: Path, found: str) -> StoreCorrupt:
    told = " ".join(found.split()).rstrip(".")
    return StoreCorrupt(
        f"store file {path} is not what such a stage writes: {told:.400}. Delete the folder {finished.folder} and run "
        "again."
    )


def _told(problem: Exception) -> str:
    if isinstance(problem, ValidationError):
        first = problem.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return f"it lacks {problem}" if isinstance(problem, KeyError) else str(problem)


def _check_same(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> None:
    """Check names, shapes and dtypes."""
    for name in sorted(expected.keys() ^ found.keys()):
        raise ValueError(f'"{name}" is {"missing" if name in expected else "no tensor of the network"}')
    for name, tensor in expected.items():
        ours, theirs = (tensor.dtype, tuple(tensor.shape)), (found[name].dtype, tuple(found[name].shape))
        if ours != theirs:
            raise ValueError(f'"{name}" is {theirs[0]} of shape {theirs[1]}; {ours[0]} of {ours[1]} was expected')


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(each.shape) for name, each in tensors.items()}
