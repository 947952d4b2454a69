"""Wanda: keep the weights that are large and multiply large inputs."""

from pruneproof.api import Criterion, Source, Tensors


def wanda(weights: Tensors, activations: Tensors) -> Tensors:
    """Return |W_ij| · ‖X_j‖₂, X_j being input feature j over all samples.

    Sun, Liu, Bair, Kolter (2024), arXiv 2306.11695, eq. 1.

    Deviation: the paper compares scores within an output unit (a row of W), layer after layer. A criterion only scores;
    who competes is the selection's business. `prune_transformer` follows the paper in both.

    >>> import torch
    >>> weights = {"fc.weight": torch.tensor([[1.0, -3.0], [0.5, 2.0]])}
    >>> activations = {"fc.weight": torch.tensor([[8.0, 1.0], [8.0, 1.0]])}
    >>> wanda(weights, activations)["fc.weight"].tolist()
    [[8.0, 3.0], [4.0, 2.0]]

    Args:
        weights: W, name -> tensor of any shape, dead weights zero.
        activations: for each weight the L2 norm of the input feature that it multiplies, same names and shapes.

    Returns:
        Scores of the weights' shapes and dtypes, in [0, ∞).
    """
    return {name: weight.abs() * activations[name] for name, weight in weights.items()}


WANDA = Criterion(
    id="wanda",
    score=wanda,
    source=Source(
        authors="Sun, Liu, Bair, Kolter",
        year=2024,
        title="A Simple and Effective Pruning Approach for Large Language Models",
        arxiv="2306.11695",
        equation="eq. 1",
    ),
    laws=frozenset(
        {
            "batch-order-invariant",
            "homogeneous-1",
            "label-free",
            "nonnegative",
            "sign-invariant",
            "zero-for-zero-weight",
        }
    ),
)
