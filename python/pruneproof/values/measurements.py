"""`Measurement`: what one pruned network measured, as a plain JSON value."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pruneproof.errors import StoreCorrupt
from pruneproof.values.digests import digest_json


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

    @property
    def sparsity(self) -> float:
        """The fraction of prunable weights that are zero."""
        return 1.0 - self.alive / self.weights

    @property
    def empty_tensors(self) -> list[str]:
        """Names of the prunable tensors with no weight alive."""
        return [name for name, density in self.densities.items() if density == 0.0]

    def to_json(self) -> dict[str, Any]:
        """Return the measurement as JSON values."""
        return asdict(self) | {"densities": dict(self.densities)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Measurement":
        """Rebuild a measurement.

        Raises:
            StoreCorrupt: a field is missing or unknown.
        """
        names = {each.name for each in fields(cls)}
        if set(content) != names:
            raise StoreCorrupt(f"a measurement has the fields {sorted(content)}; {sorted(names)} were expected.")
        return cls(**content)

    def digest(self) -> str:
        """Return the digest of all fields."""
        return digest_json(self.to_json())
