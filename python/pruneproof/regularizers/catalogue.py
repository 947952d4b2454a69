"""All built-in regularizers."""

from pruneproof.api import Regularizer
from pruneproof.regularizers.growing_l2 import GROWING_L2
from pruneproof.regularizers.l1 import L1

REGULARIZERS: tuple[Regularizer, ...] = (GROWING_L2, L1)
