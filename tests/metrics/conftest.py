"""A small chain of convolutions, seen by a probe, and its gradient by a backward pass."""

import pytest
import torch
import torch.nn.functional as F

from pruneproof.api import ModelProbe
from pruneproof.models.conv_chain import conv_chain, convolutions


@pytest.fixture
def chain():
    """Return a network in evaluation mode, a probe on six samples, and the gradient there."""
    torch.manual_seed(0)
    model = conv_chain((1, 6, 6), 3, channels=(4, 0, 5)).double().eval()
    rng = torch.Generator().manual_seed(1)
    inputs, labels = torch.randn(6, 1, 6, 6, generator=rng, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2])
    names = convolutions(model)
    F.cross_entropy(model(inputs), labels).backward()
    gradient = {name: model.get_parameter(name).grad.clone() for name in names}
    return model, ModelProbe(model, names, None, [(inputs, labels)]), gradient
