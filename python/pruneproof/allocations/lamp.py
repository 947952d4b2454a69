"""LAMP: layer budgets from layer-adaptive magnitude scores."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pruneproof.api import Allocation, Source, select_masks


def lamp(weights: Mapping[str, Any], keep: int) -> dict[str, int]:
    """Keep, in each tensor, as many weights as it has among the `keep` largest LAMP scores of all.

    Lee, Park, Mo, Ahn & Shin (2021). The score of w_u is w_u² / Σ w_v² over the v of its tensor that rank at or above u
    by magnitude. Weights of equal magnitude rank one after the other, so they score differently; which of them comes
    first does not change the counts. The best weight of a tensor scores exactly 1; ties between tensors
    break by name. A tensor of zeros scores 0. Computed in float64.

    >>> lamp({"a": np.array([0.9, 0.8, 0.7, 0.6]), "b": np.array([0.2, 0.1])}, 3)
    {'a': 2, 'b': 1}
    """
    scores = {name: lamp_scores(_flat(weight)) for name, weight in weights.items()}
    masks = select_masks(scores, keep=keep)
    return {name: masks.count(name) for name in scores}


def lamp_scores(weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return the LAMP scores of one flat tensor, in the order of its weights.

    >>> lamp_scores(np.array([0.9, -0.8, 0.7, 0.6])).round(4).tolist()
    [1.0, 0.4414, 0.2526, 0.1565]
    """
    squares: NDArray[np.float64] = np.square(weights, dtype=np.float64)
    descending = np.argsort(-squares, kind="stable")
    at_or_above = np.cumsum(squares[descending])
    scores: NDArray[np.float64] = np.zeros_like(squares)
    scores[descending] = squares[descending] / np.where(at_or_above > 0, at_or_above, 1.0)
    return scores


def _flat(weight: Any) -> NDArray[np.float64]:
    if isinstance(weight, torch.Tensor):
        weight = weight.detach().double().cpu().numpy()
    flat: NDArray[np.float64] = np.asarray(weight, dtype=np.float64).reshape(-1)
    return flat


LAMP = Allocation(
    id="lamp",
    counts=lamp,
    source=Source(
        authors="Lee, Park, Mo, Ahn, Shin",
        year=2021,
        title="Layer-adaptive sparsity for the Magnitude-based Pruning",
        arxiv="2010.07611",
    ),
)
