"""How much of a network is left: weights, densities, multiply-adds, epochs spent."""

from collections.abc import Mapping

from pruneproof.api import Metric, Tensors, macs_pruned


def densities(alive: Tensors) -> dict[str, float]:
    """Return the alive fraction of each prunable tensor."""
    return {name: int(mask.sum()) / mask.numel() if mask.numel() else 1.0 for name, mask in alive.items()}


def weights(alive: Tensors) -> int:
    """Return the number of prunable weights."""
    return sum(mask.numel() for mask in alive.values())


def alive_weights(alive: Tensors) -> int:
    """Return the number of prunable weights that are alive."""
    return sum(int(mask.sum()) for mask in alive.values())


def sparsity(alive: Tensors) -> float:
    """Return the fraction of the prunable weights that are zero."""
    return 1.0 - alive_weights(alive) / (weights(alive) or 1)


def empty_tensors(alive: Tensors) -> int:
    """Return the number of prunable tensors with no weight alive."""
    return sum(not bool(mask.any()) for mask in alive.values())


def macs_saved(alive: Tensors, macs: Mapping[str, int]) -> float:
    """Return the fraction of multiply-adds of convolutions and linear layers that the zeros save, in [0, 1]."""
    return macs_pruned(macs, densities(alive))


def epochs_spent(epochs: int) -> int:
    """Return the epochs trained from initialisation to here, dense training included."""
    return epochs


METRICS: tuple[Metric, ...] = (
    Metric("densities", densities, "Alive fraction of each prunable tensor.", per="tensor"),
    Metric("weights", weights, "Prunable weights.", "weights"),
    Metric("alive", alive_weights, "Prunable weights that are alive.", "weights"),
    Metric("sparsity", sparsity, "Fraction of the prunable weights that are zero."),
    Metric("empty-tensors", empty_tensors, "Prunable tensors with no weight alive.", "tensors", better="smaller"),
    Metric("macs-pruned", macs_saved, "Fraction of multiply-adds that the zeros save."),
    Metric("epochs", epochs_spent, "Epochs trained from initialisation to here.", "epochs"),
)
