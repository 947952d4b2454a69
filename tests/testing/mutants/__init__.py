"""Subjects of the first kinds that are each wrong in one way, and the law meant to tell; a file for each kind."""

from mutants import allocations, counting_rules, criteria, floors, models, schedules, selections, structures
from mutants.mutant import MUTANTS

__all__ = [
    "MUTANTS",
    "allocations",
    "counting_rules",
    "criteria",
    "floors",
    "models",
    "schedules",
    "selections",
    "structures",
]
