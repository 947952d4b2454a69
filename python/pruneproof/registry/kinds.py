"""The kinds of plugins, one row each: everything that differs from kind to kind is read from here.

A row says which hook brings values of the kind, their class, which of their fields hold functions and how these are
called. Hooks, look-up, the checks at registration, `repro plugins`, `repro check` and docs/hooks follow the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pruneproof.contracts import laws
from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.claims import ClaimTest
from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.executor import Executor
from pruneproof.contracts.figure import Figure
from pruneproof.contracts.floor import Floor
from pruneproof.contracts.functions import options
from pruneproof.contracts.ingredients import INGREDIENTS
from pruneproof.contracts.lr_schedule import LRSchedule
from pruneproof.contracts.mechanism import Mechanism
from pruneproof.contracts.metric import METRIC_INGREDIENTS, Metric
from pruneproof.contracts.model import Model
from pruneproof.contracts.observer import Observer
from pruneproof.contracts.regularizer import REGULARIZER_INGREDIENTS, Regularizer
from pruneproof.contracts.schedule import Schedule
from pruneproof.contracts.search import MaskSearch
from pruneproof.contracts.structure import Structure
from pruneproof.contracts.transform import TRANSFORM_INGREDIENTS, Transform
from pruneproof.contracts.update import UPDATE_INGREDIENTS, Update
from pruneproof.errors import BadPlugin
from pruneproof.registry.signatures import MAPPINGS, SEQUENCES, Signature

_TENSORS = (
    "weights",
    "grads",
    "fisher",
    "activations",
    "alive",
    "state",
    "fresh",
    "marked",
    "start",
    "parameters",
)
_CLASSES: Mapping[str, tuple[str, ...]] = dict.fromkeys(_TENSORS, MAPPINGS) | {
    "scores": (*MAPPINGS, "ndarray"),
    "rng": ("Generator",),
    "probe": ("Probe",),
    "step": ("int",),
    "progress": ("float",),
    "module": ("Module",),
    "example": ("Tensor",),
    "network": ("Module",),
    "sparsity": ("float",),
    "inputs": ("Tensor",),
    "labels": ("Tensor",),
    "classes": ("int",),
    "size": ("int",),
}
"""Ingredient -> classes that an annotation may name; others may be anything."""


def _pick(names: Mapping[str, str] | tuple[str, ...], returns: tuple[str, ...] = ()) -> Signature:
    """Return the signature of a function that picks its ingredients by name."""
    return Signature({name: _CLASSES.get(name, ()) for name in names}, returns, picks=True, options="defaults")


@dataclass(frozen=True)
class Kind:
    """One kind of plugin."""

    noun: str
    """As messages and commands call it: `criterion`, `data set`."""
    hook: str
    of: type[Any]
    functions: Mapping[str, Signature]
    """Field -> how the function that it holds is called; the first is the one that names the place of a value."""
    summary: str
    """What a value of this kind does, in one line."""
    laws: Mapping[str, str] = field(default_factory=dict)
    """What all values of the kind obey; empty where the conformance kit has no laws for it."""
    claimable: Mapping[str, str] = field(default_factory=dict)
    changes_results: bool = True
    """Whether a value of the kind can change what is computed."""

    @property
    def word(self) -> str:
        """The noun as commands take it.

        >>> BY_NOUN["data set"].word
        'data-set'
        """
        return self.noun.replace(" ", "-")

    @property
    def field(self) -> str:
        """The field that holds the main function."""
        return next(iter(self.functions))

    def options(self, value: Any) -> dict[str, Any]:
        """Return option name -> default of a value of this kind."""
        return options(getattr(value, self.field))


_SEARCH = {"variables": MAPPINGS, "sparsity": ("float",)}
KINDS: tuple[Kind, ...] = (
    Kind(
        "criterion",
        "pruneproof_criteria",
        Criterion,
        {"score": _pick(INGREDIENTS, ("Scored", *MAPPINGS))},
        "scores weights; larger means keep",
        laws.CRITERION_LAWS,
        laws.CLAIMABLE_LAWS,
    ),
    Kind(
        "allocation",
        "pruneproof_allocations",
        Allocation,
        {"counts": Signature({"weights": MAPPINGS, "keep": ("int",)}, MAPPINGS)},
        "splits one budget over the tensors; its id is a scope",
        laws.ALLOCATION_LAWS,
    ),
    Kind(
        "structure",
        "pruneproof_structures",
        Structure,
        {"units": _pick(("shapes", "module", "example"), MAPPINGS)},
        "groups weights into units that live and die together",
        laws.STRUCTURE_LAWS,
    ),
    Kind(
        "floor",
        "pruneproof_floors",
        Floor,
        {"least": _pick(("sizes", "sparsity", "scores"), MAPPINGS)},
        "says how many units each tensor keeps at least",
        laws.FLOOR_LAWS,
    ),
    Kind(
        "counting rule",
        "pruneproof_counting_rules",
        CountingRule,
        {"keep": _pick(("size", "sparsity", "scores", "total", "target", "fraction"), ("int",))},
        "says how many units a sparsity leaves",
        laws.COUNTING_LAWS,
    ),
    Kind(
        "schedule",
        "pruneproof_schedules",
        Schedule,
        {"sparsities": Signature({"target": ("float",), "steps": ("int",)}, (*SEQUENCES, "ndarray"))},
        "gives the cumulative sparsity after each pruning step",
        laws.SCHEDULE_LAWS,
    ),
    Kind(
        "update",
        "pruneproof_updates",
        Update,
        {"update": _pick(UPDATE_INGREDIENTS, MAPPINGS)},
        "moves the mask while the network trains",
        laws.UPDATE_LAWS,
        laws.CLAIMABLE_UPDATE_LAWS,
    ),
    Kind(
        "mask search",
        "pruneproof_searches",
        MaskSearch,
        {
            "start": Signature({"weights": MAPPINGS, "rng": ("Generator",)}, MAPPINGS),
            "gate": Signature({**_SEARCH, "progress": ("float",), "rng": ("Generator",)}, MAPPINGS),
            "export": Signature(_SEARCH, MAPPINGS),
        },
        "learns a mask while the weights stay as they are",
        laws.SEARCH_LAWS,
    ),
    Kind(
        "transform",
        "pruneproof_transforms",
        Transform,
        {"transform": _pick(TRANSFORM_INGREDIENTS, ("Transformed", *MAPPINGS))},
        "changes scores, masks, weights or scoring samples",
        laws.TRANSFORM_LAWS,
    ),
    Kind(
        "regularizer",
        "pruneproof_regularizers",
        Regularizer,
        {"penalty": _pick(REGULARIZER_INGREDIENTS, ("Tensor",))},
        "adds a penalty to the training loss",
        laws.REGULARIZER_LAWS,
    ),
    Kind(
        "learning-rate schedule",
        "pruneproof_lr_schedules",
        LRSchedule,
        {"factor": Signature({"progress": ("float",), "epochs": ("float",)}, ("float", "int"), optional={"inner": ()})},
        "gives the learning rate over a training",
        laws.LR_SCHEDULE_LAWS,
    ),
    Kind(
        "model",
        "pruneproof_models",
        Model,
        {"build": Signature({"shape": SEQUENCES, "classes": ("int",)}, ("Module",))},
        "builds a network",
        laws.MODEL_LAWS,
    ),
    Kind(
        "data set",
        "pruneproof_datasets",
        DataSet,
        {"load": Signature({"root": ("Path", "PurePath", "PathLike")}, options="none")},
        "loads what is trained and tested on",
    ),
    Kind(
        "metric",
        "pruneproof_metrics",
        Metric,
        {"measure": _pick(METRIC_INGREDIENTS)},
        "measures a network",
        laws.METRIC_LAWS,
    ),
    Kind(
        "claim test",
        "pruneproof_claim_tests",
        ClaimTest,
        {"decide": Signature({"samples": (*SEQUENCES, "ndarray")}, ("Outcome",))},
        "decides a claim on samples over seeds",
    ),
    Kind(
        "mechanism",
        "pruneproof_mechanisms",
        Mechanism,
        {"check": Signature({}, SEQUENCES, optional={"catalog": ()})},
        "checks an exact statement and returns facts",
    ),
    Kind(
        "figure",
        "pruneproof_figures",
        Figure,
        {"draw": Signature({"table": (), "canvas": ()}, ("str",), options="defaults")},
        "draws what was measured",
        changes_results=False,
    ),
    Kind(
        "executor",
        "pruneproof_executors",
        Executor,
        {"run": Signature({"stages": SEQUENCES, "spec": ()}, keywords=("workers", "on_event"), options="none")},
        "decides where stages run",
        changes_results=False,
    ),
    Kind(
        "observer",
        "pruneproof_observers",
        Observer,
        {"open": Signature({"run": ("RunInfo",)}, options="none")},
        "listens to a run",
        changes_results=False,
    ),
)
"""All kinds, in the order in which docs and commands list them."""

PAPERS_HOOK = "pruneproof_papers"
"""The hook that brings folders of papers, which are data and no values of a class."""

_BY_CLASS: Mapping[type[Any], Kind] = MappingProxyType({kind.of: kind for kind in KINDS})
BY_NOUN: Mapping[str, Kind] = MappingProxyType({kind.noun: kind for kind in KINDS})


def kind_of(cls: type[Any]) -> Kind:
    """Return the row of a class.

    >>> from pruneproof.contracts.criterion import Criterion
    >>> kind_of(Criterion).hook
    'pruneproof_criteria'

    Raises:
        BadPlugin: no kind of plugin has that class.
    """
    if cls not in _BY_CLASS:
        raise BadPlugin(f"{cls.__name__} is no kind of plugin. Known: {', '.join(kind.of.__name__ for kind in KINDS)}.")
    return _BY_CLASS[cls]
