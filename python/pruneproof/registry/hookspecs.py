"""The hooks of a `pruneproof` plugin. Implement any of them; mark yours with `pruneproof.api.hookimpl`.

Each returns values of the class in its annotation. Import what is heavy inside the function.
"""

from collections.abc import Iterable
from pathlib import Path

import pluggy

from pruneproof.api import Allocation, ClaimTest, Criterion, DataSet, Executor, Mechanism, Model, Observer, Schedule

hookspec = pluggy.HookspecMarker("pruneproof")


@hookspec
def pruneproof_criteria() -> Iterable[Criterion]:
    """Scoring functions."""
    raise NotImplementedError


@hookspec
def pruneproof_allocations() -> Iterable[Allocation]:
    """Rules that split a budget over tensors (layer-wise scopes)."""
    raise NotImplementedError


@hookspec
def pruneproof_schedules() -> Iterable[Schedule]:
    """Courses of sparsity over pruning steps."""
    raise NotImplementedError


@hookspec
def pruneproof_models() -> Iterable[Model]:
    """Architectures."""
    raise NotImplementedError


@hookspec
def pruneproof_datasets() -> Iterable[DataSet]:
    """Data sets."""
    raise NotImplementedError


@hookspec
def pruneproof_claim_tests() -> Iterable[ClaimTest]:
    """Statistical tests that claims name."""
    raise NotImplementedError


@hookspec
def pruneproof_mechanisms() -> Iterable[Mechanism]:
    """Exact checks that claims name."""
    raise NotImplementedError


@hookspec
def pruneproof_papers() -> Iterable[Path]:
    """Folders that hold `paper.toml`, `runs.toml` and `claims.toml`."""
    raise NotImplementedError


@hookspec
def pruneproof_executors() -> Iterable[Executor]:
    """Ways to run stages (`repro run --executor`)."""
    raise NotImplementedError


@hookspec
def pruneproof_observers() -> Iterable[Observer]:
    """Listeners such as trackers (`repro run --observe`)."""
    raise NotImplementedError
