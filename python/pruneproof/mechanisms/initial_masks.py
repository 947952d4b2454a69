"""Networks pruned at initialisation, on which claims about masks are checked without training."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pruneproof.api import (
    Batch,
    Catalog,
    Criterion,
    DataSet,
    Fact,
    MaskSet,
    Metric,
    ModelProbe,
    Selection,
    Tensors,
    keep_count,
    score,
    select_masks,
)
from pruneproof.mechanisms.networks import Network, build, random_inputs

SAMPLES = 100


@dataclass(frozen=True)
class Setting:
    """A model on the digits, or on noise of another shape: float64, and biases at 0 unless said otherwise."""

    catalog: Catalog
    model: str
    options: Mapping[str, Any] | None = None
    seed: int = 0
    bias: float = 0.0
    size: int = SAMPLES
    """Scoring samples."""
    place: int = 0
    """Which samples: so many of them are passed over."""
    shape: tuple[int, ...] = ()
    """Of the inputs where they are noise, for criteria that look at no data; empty for digits."""
    labels: Callable[[Tensor], Tensor] | None = field(default=None, compare=False)
    """What becomes of the labels; as they are when None."""

    @cached_property
    def data(self) -> Any:
        """The digits."""
        return self.catalog.get(DataSet, "digits").load(Path())

    @cached_property
    def network(self) -> Network:
        """The network as it was initialised, in evaluation mode."""
        shape, classes = self.shape or self.data.shape, self.data.classes
        built = build(self.catalog, self.model, shape=shape, classes=classes, seed=self.seed, options=self.options)
        module = built.module.double().eval()
        for name, each in module.named_parameters():
            if name.endswith("bias"):
                nn.init.constant_(each, self.bias)
        return Network(module, {name: module.get_parameter(name).detach() for name in built.weights})

    @cached_property
    def batches(self) -> list[Batch]:
        """The scoring samples, one batch."""
        if self.shape:
            return [(random_inputs(2, self.shape).double(), torch.arange(2))]
        inputs, labels = next(iter(self.data.batches("train", self.place + self.size)))
        inputs, labels = inputs[self.place :].double(), labels[self.place :]
        return [(inputs, labels if self.labels is None else self.labels(labels))]

    @property
    def label(self) -> str:
        """The model and seed, for statements."""
        return f"{self.model}, seed {self.seed}"

    @property
    def weights(self) -> int:
        """The number of prunable weights."""
        return sum(self.network.sizes.values())

    def keep(self, sparsity: float) -> int:
        """Return the survivors at a sparsity."""
        return keep_count(self.weights, sparsity)

    def keep_compressed(self, exponent: float) -> int:
        """Return the survivors at a compression of ρ_max^exponent, ρ_max that of one weight per tensor."""
        layers = len(self.network.weights)
        return max(round(self.weights * math.pow(layers / self.weights, exponent)), layers)

    def scores(self, criterion: str, masks: MaskSet | None = None, **options: Any) -> Tensors:
        """Return the scores of a criterion under a mask; one that draws does so by the seed and `place`."""
        rng = torch.Generator().manual_seed(1000 * self.seed + self.place)
        chosen, names = self.catalog.get(Criterion, criterion), list(self.network.weights)
        if "initial" in chosen.ingredients:  # which only runs know; at initialisation it is the network's own
            return self._scores_with_initial(chosen, masks)
        return score(chosen, options, self.network.module, names, masks, self.batches, rng)

    def _scores_with_initial(self, criterion: Criterion, masks: MaskSet | None) -> Tensors:
        names = list(self.network.weights)
        probe = ModelProbe(self.network.module, names, masks, self.batches)
        given: dict[str, Any] = {"initial": self.network.weights, "probe": probe}
        found: Tensors = criterion.score(*(given[name] for name in criterion.ingredients))
        return found

    def masks(
        self,
        criterion: str,
        keep: int,
        *,
        steps: int = 1,
        revive: bool = False,
        sign: int = 1,
        count: str = "exact",
        **options: Any,
    ) -> MaskSet:
        """Return the mask after exponential steps, each scoring anew; the k largest scores of all stay in each."""
        masks: MaskSet | None = None
        for step in range(1, steps + 1):
            left = keep if step == steps else round(self.weights * (keep / self.weights) ** (step / steps))
            scores = {name: sign * each for name, each in self.scores(criterion, masks, **options).items()}
            how: dict[str, Any] = {"keep": left}
            if count != "exact":
                how = {"sparsity": 1 - left / self.weights, "selection": Selection(count=count)}
            masks = select_masks(scores, **how, catalog=self.catalog, alive=None if revive else masks)
        assert masks is not None
        return masks

    def measured(self, metric: str, masks: MaskSet) -> Any:
        """Return a metric of the network under a mask."""
        given = {"network": self.network.module, "alive": masks.to_tensors(), "data": self.data}
        chosen = self.catalog.get(Metric, metric)
        names = inspect.signature(chosen.measure).parameters
        return chosen.measure(*(given[name] for name in names))


def yes_or_no(statement: str, *, expected: bool, found: bool) -> Fact:
    """Return a fact that is true or not."""
    words = ("no", "yes")
    return Fact(statement, words[expected], words[found], expected == found)


def listed(names: Sequence[str]) -> str:
    """Return names in one line, or none."""
    return ", ".join(names) or "none"
