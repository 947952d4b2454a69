"""The built-in plugin: registers what `pruneproof` ships through the hooks that third-party plugins use."""

from collections.abc import Iterable
from pathlib import Path

from pruneproof.api import (
    Allocation,
    ClaimTest,
    CountingRule,
    Criterion,
    DataSet,
    Executor,
    Figure,
    Floor,
    LRSchedule,
    MaskSearch,
    Mechanism,
    Metric,
    Model,
    Regularizer,
    Schedule,
    Structure,
    Transform,
    Update,
    hookimpl,
)

pruneproof_api = 2


@hookimpl
def pruneproof_criteria() -> Iterable[Criterion]:
    """Criteria under `pruneproof/criteria`."""
    from pruneproof.criteria.catalogue import CRITERIA

    return CRITERIA


@hookimpl
def pruneproof_allocations() -> Iterable[Allocation]:
    """Layer-wise scopes under `pruneproof/allocations`."""
    from pruneproof.allocations.catalogue import ALLOCATIONS

    return ALLOCATIONS


@hookimpl
def pruneproof_structures() -> Iterable[Structure]:
    """Structures under `pruneproof/structures`."""
    from pruneproof.structures.catalogue import STRUCTURES

    return STRUCTURES


@hookimpl
def pruneproof_floors() -> Iterable[Floor]:
    """Floors under `pruneproof/floors`."""
    from pruneproof.floors.catalogue import FLOORS

    return FLOORS


@hookimpl
def pruneproof_counting_rules() -> Iterable[CountingRule]:
    """Counting rules under `pruneproof/counting`."""
    from pruneproof.counting.catalogue import COUNTING_RULES

    return COUNTING_RULES


@hookimpl
def pruneproof_schedules() -> Iterable[Schedule]:
    """Schedules under `pruneproof/schedules`."""
    from pruneproof.schedules.catalogue import SCHEDULES

    return SCHEDULES


@hookimpl
def pruneproof_updates() -> Iterable[Update]:
    """Mask updates under `pruneproof/updates`."""
    from pruneproof.updates.catalogue import UPDATES

    return UPDATES


@hookimpl
def pruneproof_searches() -> Iterable[MaskSearch]:
    """Mask searches under `pruneproof/searches`."""
    from pruneproof.searches.catalogue import SEARCHES

    return SEARCHES


@hookimpl
def pruneproof_transforms() -> Iterable[Transform]:
    """Transforms under `pruneproof/transforms`."""
    from pruneproof.transforms.catalogue import TRANSFORMS

    return TRANSFORMS


@hookimpl
def pruneproof_regularizers() -> Iterable[Regularizer]:
    """Regularizers under `pruneproof/regularizers`."""
    from pruneproof.regularizers.catalogue import REGULARIZERS

    return REGULARIZERS


@hookimpl
def pruneproof_lr_schedules() -> Iterable[LRSchedule]:
    """Learning-rate schedules under `pruneproof/lr_schedules`."""
    from pruneproof.lr_schedules.catalogue import LR_SCHEDULES

    return LR_SCHEDULES


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
def pruneproof_metrics() -> Iterable[Metric]:
    """Metrics under `pruneproof/metrics`."""
    from pruneproof.metrics.catalogue import METRICS

    return METRICS


@hookimpl
def pruneproof_claim_tests() -> Iterable[ClaimTest]:
    """Statistical tests under `pruneproof/claim_tests`."""
    from pruneproof.claim_tests.catalogue import CLAIM_TESTS

    return CLAIM_TESTS


@hookimpl
def pruneproof_mechanisms() -> Iterable[Mechanism]:
    """Exact checks under `pruneproof/mechanisms`."""
    from pruneproof.mechanisms.catalogue import MECHANISMS

    return MECHANISMS


@hookimpl
def pruneproof_figures() -> Iterable[Figure]:
    """Kinds of figures under `pruneproof/figures`."""
    from pruneproof.figures.catalogue import FIGURES

    return FIGURES


@hookimpl
def pruneproof_executors() -> Iterable[Executor]:
    """Executors under `pruneproof/executors`."""
    from pruneproof.executors.local import LOCAL

    return [LOCAL]


@hookimpl
def pruneproof_papers() -> Iterable[Path]:
    """The papers that travel with the package."""
    from pruneproof.registry.shipped import shipped

    return [path.parent for path in sorted(shipped("papers").glob("*/paper.toml"))]
