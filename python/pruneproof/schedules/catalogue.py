"""All built-in schedules."""

from pruneproof.api import Schedule
from pruneproof.schedules.cubic import CUBIC
from pruneproof.schedules.exponential import EXPONENTIAL
from pruneproof.schedules.front_loaded import FRONT_LOADED
from pruneproof.schedules.halving import HALVING
from pruneproof.schedules.iterative import ITERATIVE
from pruneproof.schedules.linear import LINEAR
from pruneproof.schedules.one_shot import ONE_SHOT

SCHEDULES: tuple[Schedule, ...] = (ONE_SHOT, LINEAR, EXPONENTIAL, CUBIC, ITERATIVE, FRONT_LOADED, HALVING)
