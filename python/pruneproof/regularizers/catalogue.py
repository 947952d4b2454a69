"""All built-in regularizers."""

from pruneproof.api import Regularizer
from pruneproof.regularizers.greg import GREG_1, GREG_2, GREG_2_PICK
from pruneproof.regularizers.l1 import L1
from pruneproof.regularizers.orthogonality import KERNEL_ORTHOGONALITY
from pruneproof.regularizers.tpp import TPP

REGULARIZERS: tuple[Regularizer, ...] = (GREG_1, GREG_2_PICK, GREG_2, TPP, KERNEL_ORTHOGONALITY, L1)
