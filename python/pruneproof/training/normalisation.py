"""The normalisation that follows a layer, and the scale that it gives each output unit."""

from collections.abc import Sequence
from itertools import islice

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase


def scales(model: nn.Module, names: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return γ of the normalisation that follows each weight's layer, one number per output unit; 1 where none does.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    >>> {name: each.tolist() for name, each in scales(network, ["0.weight", "4.weight"]).items()}
    {'0.weight': [1.0, 1.0], '4.weight': [1.0, 1.0, 1.0]}

    Args:
        model: the network.
        names: of its prunable weights.
    """
    found = followers(model, names)
    return {
        name: found[name].weight.detach().clone()
        if name in found
        else torch.ones_like(model.get_parameter(name).detach().flatten(1)[:, 0])
        for name in names
    }


def followers(model: nn.Module, names: Sequence[str]) -> dict[str, _NormBase]:
    """Return the normalisation that follows each weight's layer, where one does.

    It is that of the next module with parameters, in the order of the modules; one of another width, or without
    weights, is none.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    >>> {name: each.num_features for name, each in followers(network, ["0.weight", "4.weight"]).items()}
    {'0.weight': 2}
    """
    parts = [(name, part) for name, part in model.named_modules() if [*part.parameters(recurse=False)]]
    places = {name: place for place, (name, _) in enumerate(parts)}
    found = {}
    for name in names:
        after = islice(parts, places[name.rpartition(".")[0]] + 1, None)
        part = next((part for _, part in after), None)
        if isinstance(part, _NormBase) and part.affine and part.num_features == len(model.get_parameter(name)):
            found[name] = part
    return found
