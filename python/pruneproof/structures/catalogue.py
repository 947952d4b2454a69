"""All built-in structures."""

from pruneproof.api import Structure
from pruneproof.structures.coupled import COUPLED
from pruneproof.structures.n_of_m import N_OF_M
from pruneproof.structures.regular import BLOCK, FILTER, ROW

STRUCTURES: tuple[Structure, ...] = (FILTER, ROW, BLOCK, N_OF_M, COUPLED)
