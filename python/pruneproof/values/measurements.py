"""`Measurement`: what one pruned network measured, as a plain JSON value."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pruneproof.errors import StoreCorrupt
from pruneproof.values.digests import digest_json

OPTIONAL = {"accuracy_dense", "loss_dense", "loss_pruned", "loss_retrained"}
"""Fields that only runs with `losses` have."""


@dataclass(frozen=True)
class Measurement:
    """One network of one seed at one sparsity. Accuracies are top-1 on the test set, in percent."""

    accuracy: float
    """After the last epoch; what every verdict uses."""
    accuracy_best: float
    """Best over epochs *on the test set*, as the paper's authors report it; never used for a verdict."""
    accuracy_before: float | None
    """Right after pruning, before any retraining; None for a dense network trained from scratch."""
    loss: float | None
    """Mean training loss of the last epoch; None when no epoch was trained or the run diverged."""
    diverged: bool
    """Whether the loss became infinite or NaN (training stops there)."""
    weights: int
    """Prunable weights."""
    alive: int
    """Prunable weights that are alive."""
    macs_pruned: float
    """Fraction of the multiply-adds of convolutions and linear layers that the zeros save, in [0, 1]."""
    constant_output: bool
    """Whether the network answers every test input with the same logits (a collapsed network)."""
    epochs: int
    """Epochs spent from initialisation to here, dense training included."""
    densities: Mapping[str, float] = field(default_factory=dict)
    """Alive fraction of each prunable tensor, by state-dict name."""
    accuracy_dense: float | None = None
    """Of the network before pruning; None, as for the losses, where the run does not ask for losses."""
    loss_dense: float | None = None
    """Mean cross-entropy over the training set, not augmented and in evaluation mode, of the network before pruning."""
    loss_pruned: float | None = None
    """The same right after pruning."""
    loss_retrained: float | None = None
    """The same after retraining."""

    @property
    def sparsity(self) -> float:
        """The fraction of prunable weights that are zero."""
        return 1.0 - self.alive / self.weights

    @property
    def loss_change(self) -> float | None:
        """|training loss right after pruning - before|: what models of the loss try to keep small."""
        return _difference(self.loss_pruned, self.loss_dense, abs)

    @property
    def loss_gap(self) -> float | None:
        """Training loss after retraining - that of the network before pruning."""
        return _difference(self.loss_retrained, self.loss_dense)

    @property
    def error_gap_before(self) -> float | None:
        """Test error right after pruning - that of the network before, in points."""
        return _difference(self.accuracy_dense, self.accuracy_before)

    @property
    def error_gap(self) -> float | None:
        """Test error after retraining - that of the network before pruning, in points."""
        return _difference(self.accuracy_dense, self.accuracy)

    @property
    def empty_tensors(self) -> list[str]:
        """Names of the prunable tensors with no weight alive."""
        return [name for name, density in self.densities.items() if density == 0.0]

    def to_json(self) -> dict[str, Any]:
        """Return the measurement as JSON values; what was not asked for is left out, so that older digests stand."""
        every = asdict(self) | {"densities": dict(self.densities)}
        return {name: value for name, value in every.items() if name not in OPTIONAL or value is not None}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Measurement":
        """Rebuild a measurement.

        Raises:
            StoreCorrupt: a field is missing or unknown.
        """
        names = {each.name for each in fields(cls)}
        if set(content) | OPTIONAL != names:
            expected = sorted(names - OPTIONAL)
            raise StoreCorrupt(f"a measurement has the fields {sorted(content)}; {expected} were expected.")
        return cls(**content)

    def digest(self) -> str:
        """Return the digest of all fields."""
        return digest_json(self.to_json())


def _difference(
    first: float | None, second: float | None, change: Callable[[float], float] = lambda x: x
) -> float | None:
    return None if first is None or second is None else change(first - second)
