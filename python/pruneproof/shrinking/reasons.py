"""Why a pruned filter is still there."""

BROKEN = "without it the network's code does not run: it counts on that many channels"
CARRIER = "it carries the constants of other filters before zero padding"
DEPENDS = (
    "its channel depends on the input further on: a shortcut, another branch or a normalisation over channels adds "
    "something that is alive"
)
DIFFERENT = "without it the outputs are different"
ELSEWHERE = "it is a slice of a tensor that is no convolution's or linear layer's weight"
INPUT = "it filters an input of the network by itself, and inputs stay"
LAST = "a layer keeps at least one filter"
OUTPUT = "it is an output of the network, or nothing that could make up for it reads it"
PADDED = "its constant is not zero, and the zero padding of the layer that reads it has no bias to stand for it"
PARAMETER = "a parameter that belongs to no layer meets its channel"
REUSED = "a layer that reads it is used more than once"
SHORTCUT = "its channel has no counterpart in an earlier layer, whose shortcut is padded with zero channels"
SPLIT = "its channel goes through a split or slice of a tensor, whose sizes stand in the network's code"
UNEVEN = "its constant differs from position to position where it is read, after a zero-padded depthwise convolution"
UNSEEN = "its layer takes no part in the outputs, or not by a call of its own"
UNTRACED = "the network's layers could not be followed"


def uncut(name: str, kind: str) -> str:
    """Return the reason that names a part which keeps all its channels.

    >>> uncut("up", "ConvTranspose2d")
    'its channel goes through "up", of the kind ConvTranspose2d, which does not lose channels'
    """
    return f'its channel goes through "{name}", of the kind {kind}, which does not lose channels'
