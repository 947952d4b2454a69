"""Effective gradient flow: the norm of the gradient of what is alive, in the mean over layers."""

import torch

from pruneproof.api import BadConfig, Metric, Probe, Source, Tensors


def effective_gradient_flow(alive: Tensors, probe: Probe, *, power: int = 2) -> float | None:
    """Return 1/L Σ_l ‖g_l ⊙ m_l‖_p over the L prunable tensors with a weight that is alive; None where there are none.

    A reading of Tessera, Hooker, Rosman (2021), arXiv 2102.01670: of the paper's formula only a memory was at hand. In
    evaluation mode, at temperature 1. Unlike the norm over the whole network (`squared-gradient`) it does not grow with
    the number of layers.

    >>> class Given:
    ...     def gradients(self, **_):
    ...         return {"a": torch.tensor([3.0, 4.0]), "b": torch.tensor([5.0, 1.0])}
    >>> alive = {"a": torch.tensor([True, True]), "b": torch.tensor([False, True])}
    >>> effective_gradient_flow(alive, Given()), effective_gradient_flow(alive, Given(), power=1)
    (3.0, 4.0)

    Args:
        alive: name -> bool mask.
        probe: gives g, the gradient of the mean loss.
        power: p, 1 or 2.

    Raises:
        BadConfig: another power.
    """
    if power not in (1, 2):
        raise BadConfig(f"effective-gradient-flow got the power {power}; 1 or 2 was expected.")
    slopes = probe.gradients(train_mode=False, double=True)
    norms = [float(torch.where(mask, slopes[name], 0.0).norm(power)) for name, mask in alive.items() if mask.any()]
    return sum(norms) / len(norms) if norms else None


EFFECTIVE_GRADIENT_FLOW = Metric(
    "effective-gradient-flow",
    effective_gradient_flow,
    "Norm of the gradient of what is alive, in the mean over tensors.",
    source=Source(
        authors="Tessera, Hooker, Rosman",
        year=2021,
        title="Keep the Gradients Flowing: Using Gradient Flow to Study Sparse Network Optimization",
        arxiv="2102.01670",
        equation="by memory; the text was not at hand",
    ),
)
