"""SynFlow: keep the weights that carry the most synaptic flow, without data."""

import torch

from pruneproof.api import Criterion, Probe, Source, Tensors


def synflow(weights: Tensors, probe: Probe) -> Tensors:
    """Return |θ| ⊙ ∂R/∂|θ| with R = 1ᵀ (∏ₗ |θₗ|) 1.

    Tanaka, Kunin, Yamins, Ganguli (2020), arXiv 2006.05467. R is the sum of the outputs for one input of ones when
    every parameter and buffer is replaced by its absolute value. The method prunes in 100 steps with an exponential
    schedule and scores anew at each; that belongs to the schedule. In one step it collapses layers early.

    Conservation: without biases, every tensor that all paths cross has the same total score, R. A branch (a shortcut)
    is no such cut.

    BatchNorm works with its running statistics: at initialisation (mean 0, variance 1, shift 0) it multiplies by |γ| /
    √(1 + ε) and conserves the flow. A mean or a shift acts as a bias and ends conservation: score before training.

    Computed in float64, because R overflows float32 on deep networks.

    >>> class TwoLayers:  # R = Σ_j w2_j Σ_k w1_jk
    ...     def gradients(self, *, at, **_):
    ...         w1, w2 = at["w1"].double(), at["w2"].double()
    ...         return {"w1": w2.T.expand(2, 2), "w2": w1.sum(1, keepdim=True).T}
    >>> weights = {"w1": torch.tensor([[1.0, -2.0], [3.0, 0.0]]), "w2": torch.tensor([[-1.0, 2.0]])}
    >>> {name: score.tolist() for name, score in synflow(weights, TwoLayers()).items()}
    {'w1': [[1.0, 2.0], [6.0, 0.0]], 'w2': [[3.0, 6.0]]}

    Args:
        weights: θ, name -> tensor of any shape, dead weights zero.
        probe: gives ∂R/∂|θ|; of the scoring samples only the shape is used.

    Returns:
        float64 scores of the weights' shapes, in [0, ∞); dead weights have 0.
    """
    sizes = {name: weight.abs() for name, weight in weights.items()}
    flow = probe.gradients(
        at=sizes, inputs="ones", objective="sum-output", every=torch.abs, train_mode=False, double=True
    )
    return {name: (size * flow[name]).abs() for name, size in sizes.items()}


SYNFLOW = Criterion(
    id="synflow",
    score=synflow,
    source=Source(
        authors="Tanaka, Kunin, Yamins, Ganguli",
        year=2020,
        title="Pruning neural networks without any data by iteratively conserving synaptic flow",
        arxiv="2006.05467",
        equation="R_SF and its synaptic saliency",
    ),
    laws=frozenset(
        {
            "data-free",
            "nonnegative",
            "sign-invariant",
            "zero-for-zero-weight",
            "zero-for-zero-gradient",
            "relu-rescaling-invariant",
            "unit-conserving",
            "layer-conserving",
        }
    ),
)
