"""How far weights have gone."""

import torch

from pruneproof.api import Metric, Source, Tensors


def relative_distance(weights: Tensors, reference_weights: Tensors) -> float | None:
    """Return ‖w - w_ref‖ / ‖w_ref‖ over all prunable weights; None where the reference is zero.

    EarlyCroP prunes when it grows by little from one epoch to the next; w_ref are the weights after the first epoch.

    >>> relative_distance({"w": torch.tensor([3.0, 8.0])}, {"w": torch.tensor([3.0, 4.0])})
    0.8
    """
    norm = _norm(reference_weights)
    return _norm({name: each - reference_weights[name] for name, each in weights.items()}) / norm if norm else None


def _norm(tensors: Tensors) -> float:
    return float(torch.stack([each.double().square().sum() for each in tensors.values()]).sum().sqrt())


METRICS: tuple[Metric, ...] = (
    Metric(
        "relative-distance",
        relative_distance,
        "Distance of the weights from those of another measurement, over the norm of these.",
        source=Source(
            authors="Rachwan, Zügner, Charpentier, Geisler, Ayle, Günnemann",
            year=2022,
            title="Winning the Lottery Ahead of Time: Efficient Early Network Pruning",
            arxiv="2206.10451",
        ),
    ),
)
