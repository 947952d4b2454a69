"""The only module that a plugin imports."""

import pluggy

from pruneproof.contracts.claim_test import ClaimTest, Fact, Mechanism, Outcome
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import Batch, DataSet, LoadedData, Split
from pruneproof.contracts.ingredients import INGREDIENTS, Probe, Tensors
from pruneproof.contracts.model import Model, conv_and_linear
from pruneproof.contracts.schedule import Schedule
from pruneproof.contracts.selection import Allocation, Selection
from pruneproof.contracts.source import Source

hookimpl = pluggy.HookimplMarker("pruneproof")
"""Marks a function of a plugin as the implementation of the hook of the same name."""

__all__ = [
    "INGREDIENTS",
    "Allocation",
    "Batch",
    "ClaimTest",
    "Criterion",
    "DataSet",
    "Fact",
    "LoadedData",
    "Mechanism",
    "Model",
    "Outcome",
    "Probe",
    "Schedule",
    "Selection",
    "Source",
    "Split",
    "Tensors",
    "conv_and_linear",
    "hookimpl",
]
