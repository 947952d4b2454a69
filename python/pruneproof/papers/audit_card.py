"""`Card`: an experiment as far as it is known, which is what audits compare."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

POINTS = 100
"""Places of an epoch at which learning rates are compared: another batch size has other steps of the same schedule."""
SETTINGS = (
    "optimizer",
    "momentum",
    "nesterov",
    "weight_decay",
    "batch",
    "augment",
    "label_smoothing",
    "temperature",
    "clip",
    "distillation",
    "averaging",
)
"""Settings of a training that comparisons take for equal."""


@dataclass(frozen=True)
class Stage:
    """One stage of an experiment; None is unknown."""

    epochs: float | None = None
    rates: tuple[float, ...] | None = None
    """The learning rate at `POINTS` places of each epoch."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """By names of `SETTINGS`; one that is missing is unknown."""


@dataclass(frozen=True)
class Base:
    """The network that is pruned; None is unknown."""

    weights: tuple[str, ...] | None = None
    """Digests of its weights, by seed."""
    planned: tuple[str, ...] | None = None
    """Digests of all that its weights follow from, by seed."""
    accuracy: float | None = None
    """In %."""


@dataclass(frozen=True)
class Card:
    """An experiment; None is unknown."""

    name: str
    dataset: str | None = None
    fingerprint: str | None = None
    """Of the content of the data set."""
    network: str | None = None
    granularity: str | None = None
    """What lives and dies together: weight, filter, ..."""
    sparsity: float | None = None
    speedup: float | None = None
    """Multiply-adds of the dense network over those of the pruned one."""
    rounds: int | None = None
    """Pruning iterations."""
    report: str | None = None
    """Which epoch is reported."""
    base: Base = Base()
    pretrain: Stage = Stage()
    prune: Stage = Stage()
    """From where the mask is first decided until it is for the last time: no epoch of a network that is pruned once."""
    retrain: Stage = Stage()
    """From there on; of a network from scratch, all of its training."""
    is_scratch: bool = False

    @property
    def compression(self) -> float | None:
        """Weights of the dense network over those of the pruned one."""
        return None if self.sparsity is None else 1 / (1 - self.sparsity)

    @property
    def epochs(self) -> float | None:
        """Epochs of all stages."""
        before, pruning, after = self.pretrain.epochs, self.prune.epochs, self.retrain.epochs
        return None if before is None or pruning is None or after is None else before + pruning + after

    @property
    def rates(self) -> tuple[float, ...] | None:
        """Learning rates of all stages, one after the other."""
        before, pruning, after = self.pretrain.rates, self.prune.rates, self.retrain.rates
        return None if before is None or pruning is None or after is None else before + pruning + after

    @property
    def cost(self) -> float | None:
        """Multiply-adds of the whole experiment, in epochs of the pruned network: k (pretrain + prune) + retrain.

        k is the speed-up: the network is dense until the last removal.

        >>> Card("", speedup=3, pretrain=Stage(10), prune=Stage(0), retrain=Stage(90)).cost
        120
        """
        before, pruning, after = self.pretrain.epochs, self.prune.epochs, self.retrain.epochs
        if before is None or pruning is None or after is None:
            return None
        if before + pruning == 0:
            return after
        return None if self.speedup is None else self.speedup * (before + pruning) + after


def sampled(rate: Callable[[float], float], start: float, stop: float, *, by_step: bool) -> tuple[float, ...]:
    """Return a learning rate at `POINTS` places of each epoch from `start` to `stop`, as it changes by step or epoch.

    >>> sampled(lambda epoch: 1 - epoch / 2, 0, 2, by_step=False)[:: POINTS // 2]
    (1.0, 1.0, 0.5, 0.5)
    >>> sampled(lambda epoch: 1 - epoch / 2, 0, 2, by_step=True)[:: POINTS // 2]
    (1.0, 0.75, 0.5, 0.25)
    """
    first = round(start * POINTS)
    places = range(first, first + round((stop - start) * POINTS))
    if by_step:
        return tuple(rate(place / POINTS) for place in places)
    of_epoch = {epoch: rate(epoch) for epoch in dict.fromkeys(place // POINTS for place in places)}
    return tuple(of_epoch[place // POINTS] for place in places)


def is_close(one: Any, other: Any) -> bool:
    """Say whether two values are equal, numbers up to rounding.

    >>> is_close((0.1, 0.1**2), (0.1, 0.01)), is_close("sgd", "adam"), is_close((0.1,), (0.1, 0.1))
    (True, False, False)
    """
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(is_close, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)
