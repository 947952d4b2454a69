"""The conformance kit: whether a criterion, an update, a model, ... obeys what its kind promises.

For plugin authors, in their own tests:

    from pruneproof.testing import parametrize_with_checks

    @parametrize_with_checks([MY_CRITERION, MY_SCHEDULE])
    def test_it_conforms(subject, check):
        check(subject)

On the command line: `repro check criterion my-criterion`. Needs hypothesis: `pip install 'pruneproof[testing]'`.
"""

from importlib.util import find_spec

from pruneproof.errors import ExtraMissing

if find_spec("hypothesis") is None:
    raise ExtraMissing(
        "pruneproof.testing needs hypothesis, which is not installed. Run: pip install 'pruneproof[testing]'"
    )

from pruneproof.testing.checks import (
    check_allocation,
    check_counting_rule,
    check_criterion,
    check_floor,
    check_lr_schedule,
    check_metric,
    check_model,
    check_regularizer,
    check_schedule,
    check_search,
    check_selection,
    check_structure,
    check_transform,
    check_update,
    parametrize_with_checks,
)
from pruneproof.testing.law import LawBroken
from pruneproof.testing.report import Report

__all__ = [
    "LawBroken",
    "Report",
    "check_allocation",
    "check_counting_rule",
    "check_criterion",
    "check_floor",
    "check_lr_schedule",
    "check_metric",
    "check_model",
    "check_regularizer",
    "check_schedule",
    "check_search",
    "check_selection",
    "check_structure",
    "check_transform",
    "check_update",
    "parametrize_with_checks",
]
