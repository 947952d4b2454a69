"""The built-in plugin: registers what `pruneproof` ships through the same hooks that strangers use."""

from collections.abc import Iterable
from pathlib import Path

from pruneproof.api import Allocation, ClaimTest, Criterion, DataSet, Executor, Mechanism, Model, Schedule, hookimpl


@hookimpl
def pruneproof_criteria() -> Iterable[Criterion]:
    """Criteria under `pruneproof/criteria`."""
    from pruneproof.criteria.catalogue import CRITERIA

    return CRITERIA


@hookimpl
def pruneproof_allocations() -> Iterable[Allocation]:
    """Layer-wise scopes under `pruneproof/selection`."""
    from pruneproof.selection.allocate import ALLOCATIONS

    return ALLOCATIONS


@hookimpl
def pruneproof_schedules() -> Iterable[Schedule]:
    """Schedules under `pruneproof/schedules`."""
    from pruneproof.schedules.catalogue import SCHEDULES

    return SCHEDULES


@hookimpl
def pruneproof_models() -> Iterable[Model]:
    """Architectures under `pruneproof/models`."""
    from pruneproof.models.catalogue import MODELS

    return MODELS


@hookimpl
def pruneproof_datasets() -> Iterable[DataSet]:
    """Data sets under `pruneproof/data`."""
    from pruneproof.data.catalogue import DATASETS

    return DATASETS


@hookimpl
def pruneproof_claim_tests() -> Iterable[ClaimTest]:
    """Statistical tests of `pruneproof/papers/verdict.py`."""
    from pruneproof.papers.verdict import CLAIM_TESTS

    return CLAIM_TESTS


@hookimpl
def pruneproof_mechanisms() -> Iterable[Mechanism]:
    """Exact checks under `pruneproof/mechanisms`."""
    from pruneproof.mechanisms.catalogue import MECHANISMS

    return MECHANISMS


@hookimpl
def pruneproof_executors() -> Iterable[Executor]:
    """Executors under `pruneproof/pipeline/executors`."""
    from pruneproof.pipeline.executors.local import LOCAL

    return [LOCAL]


@hookimpl
def pruneproof_papers() -> Iterable[Path]:
    """The papers that travel with the package."""
    folder = Path(__file__).parent / "_papers"
    return [path.parent for path in sorted(folder.glob("*/paper.toml"))]
