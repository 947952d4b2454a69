"""SNIP: keep the weights whose removal would change the loss most, to first order."""

from pruneproof.api import Criterion, Source, Tensors


def snip(weights: Tensors, grads: Tensors) -> Tensors:
    """Return the connection sensitivity |g ⊙ w|.

    Lee, Ajanthan, Torr (2019), arXiv 1810.02340: |∂L(m ⊙ w)/∂m| at m = 1, which is |g ⊙ w| by the chain rule.

    Deviations: the paper divides by the sum over all weights, which no ranking can see. Its code scores one draw of the
    initial weights and trains another, and scores with BatchNorm in inference mode; here the weights that are scored
    are the weights that are trained, and the gradient comes with batch statistics.

    >>> import torch
    >>> weights = {"fc.weight": torch.tensor([[1.0, -2.0], [0.5, 4.0]])}
    >>> grads = {"fc.weight": torch.tensor([[3.0, 1.0], [-2.0, 0.0]])}
    >>> snip(weights, grads)["fc.weight"].tolist()
    [[3.0, 2.0], [1.0, 0.0]]

    Args:
        weights: w, name -> tensor of any shape, dead weights zero.
        grads: g, gradient of the mean cross-entropy, same names and shapes.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞).
    """
    return {name: (weight * grads[name]).abs() for name, weight in weights.items()}


SNIP = Criterion(
    id="snip",
    score=snip,
    source=Source(
        authors="Lee, Ajanthan, Torr",
        year=2019,
        title="SNIP: Single-shot Network Pruning based on Connection Sensitivity",
        arxiv="1810.02340",
        equation="connection sensitivity, before its normalisation",
    ),
    laws=frozenset(
        {
            "batch-order-invariant",
            "nonnegative",
            "sign-invariant",
            "homogeneous-1",
            "zero-for-zero-weight",
            "zero-for-zero-gradient",
            "loss-scale-invariant",
            "relu-rescaling-invariant",
        }
    ),
)
