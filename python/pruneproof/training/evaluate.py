"""Accuracy and loss of a network on a split, in evaluation mode."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from pruneproof.contracts.dataset import LoadedData, Split

BATCH = 1000
SAME = 1e-5
"""Two logits are the same when they differ by less than this, relative to the largest one."""


@dataclass(frozen=True)
class Evaluation:
    """Top-1 accuracy in percent, whether every input got the same logits, and the mean cross-entropy."""

    accuracy: float
    constant_output: bool
    loss: float


@torch.no_grad()
def evaluate(model: nn.Module, data: LoadedData, split: Split = "test") -> Evaluation:
    """Return top-1 accuracy and mean cross-entropy of `model` on a split, not augmented; its mode is left as it was.

    Logits count as constant when they agree to rounding: equal rows of one matrix product may differ in their last
    bits.
    """
    training = model.training
    model.eval()
    correct = torch.zeros((), dtype=torch.int64)
    total = 0
    loss = torch.zeros((), dtype=torch.float64)
    lowest: torch.Tensor | None = None
    highest: torch.Tensor | None = None
    for inputs, labels in data.batches(split, BATCH):
        logits = model(inputs).float()
        correct = correct.to(logits.device) + (logits.argmax(dim=1) == labels).sum()
        loss = loss.to(logits.device) + F.cross_entropy(logits, labels, reduction="none").double().sum()
        total += len(labels)
        low, high = logits.amin(dim=0), logits.amax(dim=0)
        lowest = low if lowest is None else torch.minimum(lowest, low)
        highest = high if highest is None else torch.maximum(highest, high)
    model.train(training)
    if lowest is None or highest is None:
        return Evaluation(0.0, constant_output=False, loss=0.0)
    spread = (highest - lowest).max()
    scale = torch.maximum(highest.abs(), lowest.abs()).max().clamp(min=1.0)
    constant = bool(spread <= SAME * scale)
    return Evaluation(100.0 * correct.item() / total, constant_output=constant, loss=loss.item() / total)
