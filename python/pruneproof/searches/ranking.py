"""Ranks variables: the largest, of equals the first."""

import torch


def largest(values: torch.Tensor, count: int) -> torch.Tensor:
    """Return the mask of the `count` largest of a row of values; of equals the first.

    >>> largest(torch.tensor([1.0, 3.0, 3.0, 2.0]), 1).tolist()
    [False, True, False, False]
    """
    if count == 0:
        return torch.zeros_like(values, dtype=torch.bool)
    threshold = values.topk(count).values[-1]
    above, equal = values > threshold, values == threshold
    return above | (equal & (equal.cumsum(0) <= count - above.sum()))


def largest_of_all(scores: dict[str, torch.Tensor], count: int) -> dict[str, torch.Tensor]:
    """Return masks of the `count` largest scores of all tensors; equals go by name, then by index.

    >>> masks = largest_of_all({"b": torch.tensor([1.0, 2.0]), "a": torch.tensor([[1.0]])}, 2)
    >>> {name: mask.tolist() for name, mask in masks.items()}
    {'b': [False, True], 'a': [[True]]}
    """
    names = sorted(scores)
    if not names:
        return {}
    whole = largest(torch.cat([scores[name].flatten() for name in names]), count)
    parts = torch.split(whole, [scores[name].numel() for name in names])
    found = {name: part.reshape(scores[name].shape) for name, part in zip(names, parts, strict=True)}
    return {name: found[name] for name in scores}
