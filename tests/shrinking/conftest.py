"""Networks with filter masks, and what it means that two of them agree."""

from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from pruneproof.api import MaskSet
from pruneproof.models.catalogue import MODELS

BY_ID = {model.id: model for model in MODELS}


def network(name, shape, **options):
    """Build a network with batch normalisation as training leaves it: neither shift nor statistics are zero."""
    rng = torch.Generator().manual_seed(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BY_ID[name].build(shape, 10, **options)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.weight.data.uniform_(-1.0, 2.0, generator=rng)
            part.bias.data.uniform_(-0.5, 0.5, generator=rng)
            part.running_mean.uniform_(-0.5, 0.5, generator=rng)
            part.running_var.uniform_(0.1, 2.0, generator=rng)
    return model


def half_of_the_filters(model, names, seed=2):
    """Mask a random half of the filters of every named weight."""
    rng = torch.Generator().manual_seed(seed)
    masks = {}
    for name in names:
        weight = model.get_parameter(name)
        masks[name] = torch.ones(weight.shape, dtype=torch.bool)
        masks[name][torch.randperm(len(weight), generator=rng)[: len(weight) // 2]] = False
    return MaskSet.from_tensors(masks)


def masked(model, masks):
    copy = deepcopy(model).eval()
    masks.apply_(copy)
    return copy


def largest_difference(first, second, inputs):
    """Return the largest difference between the answers, relative to the largest answer."""
    with torch.no_grad():
        expected, found = first.eval()(inputs), second.eval()(inputs)
    return ((expected - found).abs().max() / expected.abs().max()).item()


@pytest.fixture(scope="session")
def nets():
    """Built-in models by id, networks with filter masks, and their differences."""
    return SimpleNamespace(
        by_id=BY_ID,
        network=network,
        half_of_the_filters=half_of_the_filters,
        masked=masked,
        largest_difference=largest_difference,
    )
