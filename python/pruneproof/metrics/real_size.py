"""How large a network really is, zeros included: what a smaller network has less of, and a mask alone does not."""

from collections.abc import Mapping

from torch import nn

from pruneproof.api import LoadedData, Metric
from pruneproof.api import macs as macs_of


def parameters(network: nn.Module) -> int:
    """Return the number of parameters of the network as it is built, biases and normalisation included.

    >>> parameters(nn.Linear(3, 2))
    8
    """
    return sum(each.numel() for each in network.parameters())


def multiply_adds(network: nn.Module, data: LoadedData, macs: Mapping[str, int]) -> int:
    """Return the multiply-adds of the network for one input, zeros included.

    Those of its convolutions and linear layers, and of whatever else is prunable; as everywhere, normalisation,
    activations and pooling do not count.
    """
    return sum({**macs_of(network, data.shape), **macs}.values())


METRICS: tuple[Metric, ...] = (
    Metric("parameters", parameters, "Parameters of the network as it is built, zeros included.", "parameters"),
    Metric("macs", multiply_adds, "Multiply-adds for one input, zeros included.", "multiply-adds"),
)
