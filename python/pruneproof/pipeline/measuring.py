"""What a metric may ask for, computed at most once and only when it is asked for."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from pruneproof.contracts.functions import ingredients
from pruneproof.contracts.metric import METRIC_INGREDIENTS, Metric, is_answer
from pruneproof.errors import BadConfig, BadPlugin
from pruneproof.pipeline.network import Network
from pruneproof.pipeline.scoring import scoring_samples
from pruneproof.pipeline.worker import Task
from pruneproof.registry.catalog import Catalog, blame_plugin
from pruneproof.training.evaluate import Evaluation, evaluate
from pruneproof.training.macs import macs
from pruneproof.training.probe import ModelProbe
from pruneproof.training.seeding import seeded, stream, stream_seed
from pruneproof.values.measurements import Measurement


class Ingredients:
    """The ingredients that metrics of one network may ask for."""

    def __init__(self, task: Task, network: Network, more: Mapping[str, Callable[[], Any]]) -> None:
        """Take the network; `more` brings ingredients that come from elsewhere, such as a reference."""
        self.task, self.network, self.more = task, network, more

    @cached_property
    def test(self) -> Evaluation:
        """The network on the test set."""
        return evaluate(self.network.module, self.network.data)

    @cached_property
    def train(self) -> Evaluation:
        """The network on the training set, without what validation holds out."""
        return evaluate(self.network.module, self.seen, "train")

    @cached_property
    def seen(self) -> Any:
        """The data without what validation holds out."""
        return self.task.held_out_data(self.task.inputs.get("validation", 0.0))

    @cached_property
    def macs(self) -> dict[str, int]:
        """Multiply-adds of each prunable weight for one input."""
        return macs(self.network.module, self.network.data.shape, self.network.prunable)

    def ingredient(self, name: str) -> Any:
        """Return an ingredient by name.

        Raises:
            BadConfig: it does not exist where this network is measured.
        """
        if name in self.more:
            return self.more[name]()
        match name:
            case "network":
                return self.network.module
            case "data":
                return self.seen
            case "test" | "train" | "macs":
                return getattr(self, name)
            case "weights":
                return {key: each.clone() for key, each in self.network.weights().items()}
            case "alive":
                return self.network.alive()
            case "probe":
                return self._probe()
        raise BadConfig(
            f'the ingredient "{name}" ({METRIC_INGREDIENTS[name]}) does not exist here. Measure the metric in a '
            "step of the other kind."
        )

    def _probe(self) -> ModelProbe:
        seed = self.task.inputs["seed"]
        if "sample" not in self.task.inputs:
            raise BadConfig("the ingredient probe does not exist here: the stage was planned without scoring samples.")
        batches = scoring_samples(self.task.catalog, self.seen, self.task.inputs["sample"], seed, 0)
        network = self.network
        return ModelProbe(network.module, network.prunable, network.masks, batches, seed=stream_seed(seed, "metric"))


def measure(catalog: Catalog, available: Ingredients, written: Sequence[Mapping[str, Any]]) -> Measurement:
    """Return metric -> value for metrics as a plan writes them.

    Raises:
        BadPlugin: a metric that raises, or answers otherwise than it says.
        BadConfig: a metric that needs what is not there.
    """
    values: dict[str, Any] = {}
    seed = available.task.inputs["seed"]
    training = available.network.module.training
    available.network.module.eval()
    for each in written:
        entry = catalog.entry(Metric, each["id"])
        metric = entry.value
        _check_needs(metric, available)
        rng = stream(seed, "metric", metric.id)
        with seeded(rng.initial_seed()):
            given = [rng if name == "rng" else available.ingredient(name) for name in ingredients(metric.measure)]
            with blame_plugin(entry):
                values[metric.id] = metric.measure(*given, **each["options"])
    available.network.module.train(training)
    found = Measurement(values)
    for each in written:
        _check_value(catalog.get(Metric, each["id"]), found[each["id"]])
    return found


def _check_needs(metric: Metric, available: Ingredients) -> None:
    if metric.needs:
        reference = available.ingredient("reference")
        for name in metric.needs:
            if name not in reference:
                raise BadConfig(
                    f'the metric "{metric.id}" compares with "{name}" of the measurement named by `against`, which has '
                    f"{', '.join(reference)}. Add it there."
                )


def _check_value(metric: Metric, value: Any) -> None:
    if not is_answer(value, metric.per, has_unit=bool(metric.unit)):
        raise BadPlugin(
            f'metric "{metric.id}" says that it is per {metric.per}, and answered {value!r:.60}. Correct one of '
            "the two."
        )
