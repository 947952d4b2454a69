"""Everything that ships obeys the laws, under the entry that strangers use."""

import pytest

from pruneproof.criteria.catalogue import CRITERIA
from pruneproof.models.catalogue import MODELS
from pruneproof.schedules.catalogue import SCHEDULES
from pruneproof.selection.allocate import ALLOCATIONS
from pruneproof.selection.select import select_masks
from pruneproof.testing import check_selection, parametrize_with_checks
from pruneproof.testing.law import LawBroken

BUILTINS = (*CRITERIA, *SCHEDULES, *ALLOCATIONS, *MODELS)


@parametrize_with_checks(BUILTINS)
def test_it_conforms(subject, check):
    check(subject)


def test_the_one_door_selects_as_it_should():
    check_selection(select_masks).raise_for_failures()


def test_ids_are_unique_within_a_kind():
    for kind in (CRITERIA, SCHEDULES, ALLOCATIONS, MODELS):
        assert len({each.id for each in kind}) == len(kind)


def test_a_failing_law_does_fail_under_the_same_entry():
    mark = parametrize_with_checks(CRITERIA[:1])
    subject, check = mark.args[1][0].values
    with pytest.raises(LawBroken):
        check(type(subject)("broken", lambda weights: {}, subject.source))
