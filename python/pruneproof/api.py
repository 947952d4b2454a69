"""The only module that a plugin imports."""

import pluggy

from pruneproof.contracts.claim_test import ClaimTest, Fact, Mechanism, Outcome
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import Batch, DataSet, LoadedData, Split
from pruneproof.contracts.executor import Event, Executor, OnEvent, Work, Workplace
from pruneproof.contracts.ingredients import INGREDIENTS, Probe, Tensors
from pruneproof.contracts.model import Model, conv_and_linear
from pruneproof.contracts.observer import Measured, Observer, RunInfo, Session, StageInfo
from pruneproof.contracts.schedule import Schedule
from pruneproof.contracts.selection import Allocation, Selection
from pruneproof.contracts.source import Source
from pruneproof.errors import BadConfig
from pruneproof.values.measurements import Measurement

API_VERSION = 1
"""Raised when a plugin written for the version before could break; a plugin may say `pruneproof_api = 1`."""

hookimpl = pluggy.HookimplMarker("pruneproof")
"""Marks a function of a plugin as the implementation of the hook of the same name."""

__all__ = [
    "API_VERSION",
    "INGREDIENTS",
    "Allocation",
    "BadConfig",
    "Batch",
    "ClaimTest",
    "Criterion",
    "DataSet",
    "Event",
    "Executor",
    "Fact",
    "LoadedData",
    "Measured",
    "Measurement",
    "Mechanism",
    "Model",
    "Observer",
    "OnEvent",
    "Outcome",
    "Probe",
    "RunInfo",
    "Schedule",
    "Selection",
    "Session",
    "Source",
    "Split",
    "StageInfo",
    "Tensors",
    "Work",
    "Workplace",
    "conv_and_linear",
    "hookimpl",
]
