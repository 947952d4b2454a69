"""The only module that a plugin imports; the built-in methods import nothing else either.

What needs torch, numpy or the engine is imported when it is asked for, so that `repro --help` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pluggy

from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.claims import ClaimTest, Outcome, ValueScale, Verdict
from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.criterion import Criterion, Scored
from pruneproof.contracts.dataset import Batch, DataSet, LoadedData, Split
from pruneproof.contracts.executor import Event, Executor, OnEvent, Work, Worker, WorkerSpec, started_with
from pruneproof.contracts.figure import Figure
from pruneproof.contracts.floor import Floor
from pruneproof.contracts.ingredients import INGREDIENTS, Probe, Tensors
from pruneproof.contracts.lr_schedule import LRSchedule, Rate
from pruneproof.contracts.mechanism import Fact, Mechanism, stated
from pruneproof.contracts.metric import Metric, Value
from pruneproof.contracts.model import Model, conv_and_linear
from pruneproof.contracts.observer import Measured, Observer, RunInfo, Session, StageInfo
from pruneproof.contracts.regularizer import Regularizer
from pruneproof.contracts.schedule import Schedule
from pruneproof.contracts.search import MaskSearch
from pruneproof.contracts.source import Source
from pruneproof.contracts.structure import Places, Structure
from pruneproof.contracts.transform import Transform, Transformed
from pruneproof.contracts.update import Update
from pruneproof.contracts.version import API_VERSION
from pruneproof.errors import (
    BadConfig,
    BadPlugin,
    BadTensor,
    DataCorrupt,
    DataMissing,
    ExtraMissing,
    InfeasibleSelection,
    PruneproofError,
    StageFailed,
    StoreUnwritable,
    UnknownName,
)
from pruneproof.units import decimal_floor, drop_count, keep_count

if TYPE_CHECKING:
    from pruneproof import drawing as drawing
    from pruneproof.contracts.selection import Selection as Selection
    from pruneproof.registry.catalog import Catalog as Catalog
    from pruneproof.selection.public import select as select
    from pruneproof.selection.rounding import largest_remainder as largest_remainder
    from pruneproof.selection.rounding import proportional as proportional
    from pruneproof.selection.select import select_masks as select_masks
    from pruneproof.shrinking.channels import Channels as Channels
    from pruneproof.shrinking.channels import channels_of as channels_of
    from pruneproof.shrinking.removal import Kept as Kept
    from pruneproof.shrinking.removal import Slimmed as Slimmed
    from pruneproof.shrinking.removal import slim as slim
    from pruneproof.shrinking.speed import Speed as Speed
    from pruneproof.shrinking.speed import compare_speed as compare_speed
    from pruneproof.statistics import MOST_SEEDS as MOST_SEEDS
    from pruneproof.statistics import Interval as Interval
    from pruneproof.statistics import attained_error as attained_error
    from pruneproof.statistics import critical_count as critical_count
    from pruneproof.statistics import fewest_seeds as fewest_seeds
    from pruneproof.statistics import median_interval as median_interval
    from pruneproof.statistics import rounded as rounded
    from pruneproof.statistics import seeds_to_settle as seeds_to_settle
    from pruneproof.statistics import share_interval as share_interval
    from pruneproof.statistics import sign_p as sign_p
    from pruneproof.statistics import t_interval as t_interval
    from pruneproof.training.evaluate import Evaluation as Evaluation
    from pruneproof.training.macs import macs as macs
    from pruneproof.training.macs import macs_pruned as macs_pruned
    from pruneproof.training.masker import Masker as Masker
    from pruneproof.training.probe import ModelProbe as ModelProbe
    from pruneproof.training.scoring import score as score
    from pruneproof.training.seeding import seeded as seeded
    from pruneproof.values.digests import digest_arrays as digest_arrays
    from pruneproof.values.digests import digest_bytes as digest_bytes
    from pruneproof.values.digests import digest_file as digest_file
    from pruneproof.values.digests import digest_json as digest_json
    from pruneproof.values.masks import MaskSet as MaskSet
    from pruneproof.values.measurements import Measurement as Measurement
    from pruneproof.values.opening import opened as opened
    from pruneproof.values.opening import read_bytes as read_bytes

_LATER = {
    "Catalog": "registry.catalog",
    "Channels": "shrinking.channels",
    "Evaluation": "training.evaluate",
    "Interval": "statistics",
    "Kept": "shrinking.removal",
    "MOST_SEEDS": "statistics",
    "MaskSet": "values.masks",
    "Masker": "training.masker",
    "Measurement": "values.measurements",
    "ModelProbe": "training.probe",
    "Selection": "contracts.selection",
    "Slimmed": "shrinking.removal",
    "Speed": "shrinking.speed",
    "attained_error": "statistics",
    "channels_of": "shrinking.channels",
    "compare_speed": "shrinking.speed",
    "critical_count": "statistics",
    "digest_arrays": "values.digests",
    "digest_bytes": "values.digests",
    "digest_file": "values.digests",
    "digest_json": "values.digests",
    "fewest_seeds": "statistics",
    "largest_remainder": "selection.rounding",
    "macs": "training.macs",
    "macs_pruned": "training.macs",
    "median_interval": "statistics",
    "opened": "values.opening",
    "proportional": "selection.rounding",
    "read_bytes": "values.opening",
    "rounded": "statistics",
    "score": "training.scoring",
    "seeded": "training.seeding",
    "seeds_to_settle": "statistics",
    "select": "selection.public",
    "select_masks": "selection.select",
    "share_interval": "statistics",
    "sign_p": "statistics",
    "slim": "shrinking.removal",
    "t_interval": "statistics",
}
"""Name -> module below `pruneproof` that it is imported from when somebody asks for it."""

hookimpl = pluggy.HookimplMarker("pruneproof")
"""Marks a function of a plugin as the implementation of the hook of the same name."""

__all__ = [
    "API_VERSION",
    "INGREDIENTS",
    "MOST_SEEDS",
    "Allocation",
    "BadConfig",
    "BadPlugin",
    "BadTensor",
    "Batch",
    "Catalog",
    "Channels",
    "ClaimTest",
    "CountingRule",
    "Criterion",
    "DataCorrupt",
    "DataMissing",
    "DataSet",
    "Evaluation",
    "Event",
    "Executor",
    "ExtraMissing",
    "Fact",
    "Figure",
    "Floor",
    "InfeasibleSelection",
    "Interval",
    "Kept",
    "LRSchedule",
    "LoadedData",
    "MaskSearch",
    "MaskSet",
    "Masker",
    "Measured",
    "Measurement",
    "Mechanism",
    "Metric",
    "Model",
    "ModelProbe",
    "Observer",
    "OnEvent",
    "Outcome",
    "Places",
    "Probe",
    "PruneproofError",
    "Rate",
    "Regularizer",
    "RunInfo",
    "Schedule",
    "Scored",
    "Selection",
    "Session",
    "Slimmed",
    "Source",
    "Speed",
    "Split",
    "StageFailed",
    "StageInfo",
    "StoreUnwritable",
    "Structure",
    "Tensors",
    "Transform",
    "Transformed",
    "UnknownName",
    "Update",
    "Value",
    "ValueScale",
    "Verdict",
    "Work",
    "Worker",
    "WorkerSpec",
    "attained_error",
    "channels_of",
    "compare_speed",
    "conv_and_linear",
    "critical_count",
    "decimal_floor",
    "digest_arrays",
    "digest_bytes",
    "digest_file",
    "digest_json",
    "drawing",
    "drop_count",
    "fewest_seeds",
    "hookimpl",
    "keep_count",
    "largest_remainder",
    "macs",
    "macs_pruned",
    "median_interval",
    "opened",
    "proportional",
    "read_bytes",
    "rounded",
    "score",
    "seeded",
    "seeds_to_settle",
    "select",
    "select_masks",
    "share_interval",
    "sign_p",
    "slim",
    "started_with",
    "stated",
    "t_interval",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for."""
    if name == "drawing":
        return import_module("pruneproof.drawing")
    if name in _LATER:
        return getattr(import_module(f"pruneproof.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
