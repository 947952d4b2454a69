"""All built-in criteria."""

from pruneproof.api import Criterion
from pruneproof.criteria.column_magnitude import COLUMN_MAGNITUDE
from pruneproof.criteria.early_crop import EARLY_CROP
from pruneproof.criteria.force import FORCE
from pruneproof.criteria.gradient_flow import (
    BATCH_FISHER,
    BIASED_LOSS,
    GRADIENT_NORM,
    LOSS_PRESERVATION,
    MOVED_LOSS,
    SCALE,
    TAYLOR,
)
from pruneproof.criteria.grasp import GRASP, GRASP_ABSOLUTE
from pruneproof.criteria.loss_models import LINEAR_MODEL, OBD, QUADRATIC_MODEL
from pruneproof.criteria.magnitude import MAGNITUDE
from pruneproof.criteria.obs import OBS
from pruneproof.criteria.oracle import ORACLE_PRUNING
from pruneproof.criteria.random import RANDOM, RANDOM_FILTERS
from pruneproof.criteria.snip import SNIP
from pruneproof.criteria.synflow import SYNFLOW

CRITERIA: tuple[Criterion, ...] = (
    MAGNITUDE,
    COLUMN_MAGNITUDE,
    RANDOM,
    RANDOM_FILTERS,
    SNIP,
    GRASP,
    GRASP_ABSOLUTE,
    SYNFLOW,
    FORCE,
    EARLY_CROP,
    LINEAR_MODEL,
    QUADRATIC_MODEL,
    OBD,
    OBS,
    TAYLOR,
    LOSS_PRESERVATION,
    BIASED_LOSS,
    MOVED_LOSS,
    GRADIENT_NORM,
    BATCH_FISHER,
    SCALE,
    ORACLE_PRUNING,
)
