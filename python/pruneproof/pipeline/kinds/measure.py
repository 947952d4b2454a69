"""`measure`: the metrics of a step, on the network as it stands."""

from typing import Any

from pruneproof.pipeline.kinds.table import MEASUREMENT
from pruneproof.pipeline.measuring import Ingredients, measure
from pruneproof.pipeline.network import Network, open_network
from pruneproof.pipeline.upstream import load_history, load_measurement
from pruneproof.pipeline.worker import Task


def run(task: Task) -> list[str]:
    """Measure and write the values by metric."""
    network = open_network(task)
    reference = _Reference(task)
    more = {
        "epochs": lambda: task.inputs["epochs"],
        "history": lambda: load_history(task.upstream["history"]) if "history" in task.upstream else {},
        "reference": reference.values,
        "reference_weights": lambda: reference.network().weights(),
        "reference_alive": lambda: reference.network().alive(),
    }
    found = measure(task.catalog, Ingredients(task, network, more), task.inputs["metrics"])
    return [task.write_json(MEASUREMENT.file, found.to_json())]


class _Reference:
    """The measurement and the network that a step compares with."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._network: Network | None = None

    def values(self) -> Any:
        return load_measurement(self._task.upstream["reference"], self._task.catalog)

    def network(self) -> Network:
        if self._network is None:
            self._network = open_network(self._task, "reference_weights", "reference_mask")
        return self._network
