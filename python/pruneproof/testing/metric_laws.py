"""What every metric obeys, on small real networks and a few samples. M is the metric."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from hypothesis import assume
from hypothesis import strategies as st
from torch import nn

from pruneproof.api import Batch, Metric, PruneproofError, Split, macs
from pruneproof.contracts.functions import ingredients
from pruneproof.errors import BadPlugin
from pruneproof.testing import surroundings
from pruneproof.testing.cases import Case, Scene
from pruneproof.testing.law import law, require
from pruneproof.testing.masked import first_difference, require_generators_untouched, require_untouched
from pruneproof.testing.networks import CLASSES, Network
from pruneproof.testing.strategies import SEEDS, networks
from pruneproof.training.evaluate import evaluate
from pruneproof.training.probe import ModelProbe
from pruneproof.values.measurements import Measurement

ADVICE = "make the value a function of the ingredients and options alone; draw only from `rng`."


def measured_networks() -> st.SearchStrategy[Case]:
    """Draw small networks, dense and pruned."""
    return st.builds(
        Case, network=networks(), batches=st.just((4, 3)), dead=st.sampled_from([0.0, 0.5, 0.9]), seed=SEEDS
    )


def plain_networks() -> list[Case]:
    """Return networks that are always tried: fully connected and convolutional, dense and half dead."""
    return [
        Case(Network(kind=kind, width=3), batches=(4, 3), dead=dead) for kind in ("mlp", "conv") for dead in (0.0, 0.5)
    ]


class Samples:
    """A few samples as a data set: the case's batches, for training and for testing."""

    def __init__(self, shape: tuple[int, ...], batches: Sequence[Batch]) -> None:
        """Take the samples of all batches."""
        self.shape, self.classes, self.fingerprint = shape, CLASSES, "0" * 64
        self.inputs = torch.cat([x for x, _ in batches]).float()
        self.labels = torch.cat([y for _, y in batches])

    def size(self, split: Split) -> int:
        """Return the number of samples, the same for every split."""
        return len(self.labels)

    def batches(self, split: Split, batch_size: int, **_: Any) -> Iterator[Batch]:
        """Yield batches in stored order."""
        yield from zip(torch.split(self.inputs, batch_size), torch.split(self.labels, batch_size), strict=True)

    def holdout(self, fraction: float, rng: torch.Generator) -> "Samples":
        """Return the same samples."""
        return self

    def to(self, device: torch.device) -> "Samples":
        """Return the same samples."""
        return self


class Anything(Mapping[str, float]):
    """A measurement that has every metric, at 1."""

    def __getitem__(self, metric: str) -> float:
        return 1.0

    def __iter__(self) -> Iterator[str]:
        return iter(("accuracy",))

    def __len__(self) -> int:
        return 1


class Subject:
    """A network to measure, and what a metric may ask for of it."""

    def __init__(self, case: Case) -> None:
        """Build the network in float32, masked, in evaluation mode."""
        self.scene: Scene = case.build(torch.float32)
        if self.scene.masks is not None:
            self.scene.masks.apply_(self.scene.model)
        self.model: nn.Module = self.scene.model.eval()
        self.data = Samples(case.network.shape, self.scene.batches)

    def weights(self) -> dict[str, torch.Tensor]:
        """Return copies of the prunable weights."""
        return {name: self.model.get_parameter(name).detach().clone() for name in self.scene.names}

    def alive(self) -> dict[str, torch.Tensor]:
        """Return the masks."""
        dense = {name: torch.ones_like(each, dtype=torch.bool) for name, each in self.weights().items()}
        return dense if self.scene.masks is None else self.scene.masks.to_tensors()

    def given(self, metric: Metric) -> dict[str, Any]:
        """Return what the metric asks for, by name."""
        return {name: self._ingredient(name) for name in ingredients(metric.measure)}

    def _ingredient(self, name: str) -> Any:
        match name:
            case "network":
                return self.model
            case "data":
                return self.data
            case "test" | "train":
                return evaluate(self.model, self.data)
            case "weights" | "reference_weights":
                return self.weights()
            case "alive" | "reference_alive":
                return self.alive()
            case "macs":
                return macs(self.model, self.data.shape, self.scene.names)
            case "epochs":
                return 3
            case "history":
                watched = {"accuracy": [50.0, 75.0, 60.0]}
                return {"loss": [0.9, 0.7, 0.6], "validation": [], "watched": watched, "diverged": False}
            case "probe":
                return ModelProbe(self.model, self.scene.names, self.scene.masks, self.scene.batches)
            case "rng":
                return torch.Generator().manual_seed(0)
            case "reference":
                return Anything()
            case "grads":
                return {name: torch.full_like(each, 0.25) for name, each in self.weights().items()}
            case "loss" | "lr":
                return 0.5
            case "masks_changed":
                return 2
            case "explored":
                return {name: torch.ones_like(each) for name, each in self.alive().items()}
        raise AssertionError(name)


def value_fits(metric: Metric, case: Case) -> None:
    """M is a number, true or false, text or None; where it is per tensor numbers by name, per unit lists by name."""
    try:
        value = Measurement({metric.id: _measured(metric, case)})[metric.id]
    except BadPlugin as problem:
        require(False, str(problem), "return plain numbers.")
    fits = {
        "network": value is None or isinstance(value, bool | int | float | str),
        "tensor": isinstance(value, Mapping) and all(isinstance(each, int | float) for each in value.values()),
        "unit": isinstance(value, Mapping) and all(isinstance(each, list) for each in value.values()),
    }
    found = f"{value!r:.80}, which is not per {metric.per}"
    require(fits.get(metric.per, True), found, "return what `per` says, or correct `per`.")


def deterministic(metric: Metric, case: Case) -> None:
    """M(x, seed) = M(x, seed), whatever the state of the global random generators."""
    first = Measurement({metric.id: _measured(metric, case)})
    surroundings.stir()
    again = Measurement({metric.id: _measured(metric, case)})
    require(first.to_json() == again.to_json(), f"{first[metric.id]!r:.60}, then {again[metric.id]!r:.60}", ADVICE)


def inputs_untouched(metric: Metric, case: Case) -> None:
    """Parameters, buffers, train/eval mode, masks and samples are the same after M(x) as before, to the bit."""
    subject = Subject(case)
    given = _given(metric, subject)
    modes = [part.training for part in subject.model.modules()]
    before = {name: each.clone() for name, each in subject.model.state_dict().items()}
    samples = {"inputs": subject.data.inputs.clone(), "labels": subject.data.labels.clone()}
    tensors = {kind: each for kind, each in given.items() if _holds_tensors(each)}
    require_untouched(tensors, lambda: _asked(metric, given))
    advice = "look at the network and leave it as it is; copy what you alter."
    different = first_difference(before, dict(subject.model.state_dict()))
    require(not different, f"the network: {different}", advice)
    require(modes == [part.training for part in subject.model.modules()], "train/eval mode changed", advice)
    now = {"inputs": subject.data.inputs, "labels": subject.data.labels}
    require(not first_difference(samples, now), "the samples were written to", advice)


def rng_untouched(metric: Metric, case: Case) -> None:
    """The states of the global generators of torch, numpy and random are the same after M(x) as before."""
    given = _given(metric, Subject(case))
    require_generators_untouched(lambda: _asked(metric, given), "draw only from the ingredient `rng`.")


def _measured(metric: Metric, case: Case) -> Any:
    return _asked(metric, _given(metric, Subject(case)))


def _given(metric: Metric, subject: Subject) -> dict[str, Any]:
    """Return what the metric asks for; multiply-adds are not defined for every network."""
    try:
        return subject.given(metric)
    except PruneproofError:
        assume(False)
        raise


def _asked(metric: Metric, given: Mapping[str, Any]) -> Any:
    """Measure; what is refused by one of pruneproof's errors says nothing about a law."""
    try:
        return metric.measure(*given.values())
    except PruneproofError:
        assume(False)


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(each, torch.Tensor) for each in value.values())


def _of_training(metric: Metric) -> str:
    return "" if metric.per in ("network", "tensor", "unit") else f"it is recorded per {metric.per} of a training"


LAWS = (law(value_fits, skip=_of_training), law(deterministic), law(inputs_untouched), law(rng_untouched))
