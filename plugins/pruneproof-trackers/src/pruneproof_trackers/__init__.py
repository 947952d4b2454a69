"""TensorBoard and MLflow as observers of a run: `repro run PAPER --observe tensorboard --observe mlflow`."""

from collections.abc import Iterable

from pruneproof.api import Observer, hookimpl

pruneproof_api = 2


@hookimpl
def pruneproof_observers() -> Iterable[Observer]:
    """Both trackers, whether or not their libraries are installed."""
    from pruneproof_trackers.observers import OBSERVERS

    return OBSERVERS
