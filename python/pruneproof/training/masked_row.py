"""Masks held against a row of parameters, in one pass each."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from pruneproof.training.row import Row
from pruneproof.values.mask_apply import bits_of


class MaskedRow:
    """A row of a model's parameters, and which of its elements are alive.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> row = Row.of(layer)
    >>> masked = MaskedRow(layer, row, {"weight": torch.tensor([[True, False]])})
    >>> _ = row.weights.fill_(3.0)
    >>> masked.is_intact(), masked.mask_weights(), masked.is_intact(), layer.weight.tolist()
    (False, True, True, [[3.0, 0.0]])
    """

    def __init__(self, model: nn.Module, row: Row, alive: Mapping[str, torch.Tensor]) -> None:
        """Take a model whose parameters lie in the row, and the bool mask of each masked weight by name."""
        self._row = row
        self._weights, self._gradients = bits_of(row.weights), bits_of(row.gradients)
        # All bits of an alive weight, none of a dead one; and all bits of a dead one but the sign.
        self._keep = torch.full_like(self._weights, -1)
        places = {id(parameter): view for parameter, view in zip(row.parameters, row.views(self._keep), strict=True)}
        for name, mask in alive.items():
            places[id(model.get_parameter(name))].bitwise_and_(-mask.to(self._keep.dtype))
        self._forbidden = self._keep.bitwise_not().bitwise_and_(torch.iinfo(self._keep.dtype).max)
        self._revived = torch.empty_like(self._keep)
        self._path = [step for name in alive for step in _path(model, name)]

    def mask_gradients(self) -> bool:
        """Set the gradients of dead weights to zero; False, and nothing is changed, where the row has none."""
        if self._row.has_gradients:
            self._gradients.bitwise_and_(self._keep)
        return self._row.has_gradients

    def mask_weights(self) -> bool:
        """Set dead weights to +0.0; False, and nothing is changed, where a parameter has left the row."""
        whole = self._row.is_whole()
        if whole:
            self._weights.bitwise_and_(self._keep)
        return whole

    def is_intact(self) -> bool:
        """Say whether the model still has these parameters under their names, in the row, and each dead one is zero."""
        if not self._row.is_whole() or any(found.get(key) is not part for found, key, part in self._path):
            return False
        torch.bitwise_and(self._weights, self._forbidden, out=self._revived)
        return int(self._revived.amax()) == 0  # none is negative; `any` takes ten times as long


def _path(model: nn.Module, name: str) -> Iterator[tuple[Mapping[str, Any], str, object]]:
    """Yield where a parameter is looked up: for each part of its name the mapping, the part, and what it leads to."""
    *modules, last = name.split(".")
    for part in modules:
        yield model._modules, part, model._modules[part]
        model = model.get_submodule(part)
    yield model._parameters, last, model._parameters[last]
