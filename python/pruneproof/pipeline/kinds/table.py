"""The kinds of stages, one row each: version, what a stage takes from others, what it makes, and where its code is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Output:
    """A file that a stage makes."""

    role: str
    """What it is for the stages that take it."""
    file: str
    optional: bool = False
    """Whether only some stages of the kind make it."""


WEIGHTS = Output("weights", "weights.safetensors")
OPTIMIZER = Output("optimizer", "optimizer.safetensors", optional=True)
HISTORY = Output("history", "history.json")
MASK = Output("mask", "mask.safetensors")
SELECTION = Output("selection", "selection.json")
SHAPE = Output("shape", "shape.json")
MEASUREMENT = Output("measurement", "measurement.json")
FACTS = Output("facts", "facts.json")
PARTIAL = "epoch.safetensors"
"""The checkpoint of a training in progress."""


@dataclass(frozen=True)
class StageKind:
    """One kind of stage."""

    id: str
    version: int
    """Raised when its code changes what it computes, so that no store answers with old results."""
    takes: frozenset[str]
    """Roles that an earlier stage may fill."""
    makes: tuple[Output, ...]
    about: str

    @property
    def run(self) -> Callable[[Any], list[str]]:
        """The function that runs a stage; imported when it is asked for, with torch."""
        function: Callable[[Any], list[str]] = import_module(f"pruneproof.pipeline.kinds.{self.id}").run
        return function


def _sometimes(output: Output) -> Output:
    return replace(output, optional=True)


def _kind(name: str, version: int, about: str, takes: str, *makes: Output) -> StageKind:
    return StageKind(name, version, frozenset(takes.split()), makes, about)


KINDS: Mapping[str, StageKind] = MappingProxyType(
    {
        kind.id: kind
        for kind in (
            _kind("init", 2, "builds the network from the seed's `init` stream", "shape", WEIGHTS),
            _kind(
                "train",
                2,
                "trains, dense or under a mask",
                "weights mask shape optimizer marked",
                WEIGHTS,
                HISTORY,
                _sometimes(MASK),
                OPTIMIZER,
            ),
            _kind(
                "prune",
                2,
                "scores the weights and selects, once or several times",
                "weights mask shape",
                MASK,
                SELECTION,
                _sometimes(WEIGHTS),
            ),
            _kind("search", 1, "learns a mask while the weights stay", "weights mask shape", WEIGHTS, MASK, HISTORY),
            _kind(
                "transform",
                1,
                "changes the mask or the weights",
                "weights mask shape",
                _sometimes(WEIGHTS),
                _sometimes(MASK),
            ),
            _kind("shrink", 1, "cuts out dead filters", "weights mask", WEIGHTS, MASK, SHAPE),
            _kind(
                "measure",
                1,
                "measures the network as it stands",
                "weights mask shape history reference reference_weights reference_mask",
                MEASUREMENT,
            ),
            _kind("mechanism", 3, "runs an exact check", "", FACTS),
        )
    }
)
"""Id -> kind, in the order of a method's steps."""
