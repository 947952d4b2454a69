"""Everything that ships obeys the laws, under the entry that strangers use."""

import pytest

from pruneproof.criteria.catalogue import CRITERIA
from pruneproof.registry.catalog import build_catalog
from pruneproof.registry.kinds import KINDS
from pruneproof.selection.select import select_masks
from pruneproof.testing import check_selection, checks, parametrize_with_checks
from pruneproof.testing.law import LawBroken

CATALOG = build_catalog(["builtin"])
BUILTINS = [entry.value for kind in KINDS if kind.laws for entry in CATALOG.entries(kind.of).values()]


def test_the_kit_can_check_every_kind_that_has_laws():
    assert {kind.of for kind in KINDS if kind.laws} == set(checks.KINDS)
    for kind in KINDS:
        if kind.laws:
            assert [law.id for law in checks.KINDS[kind.of].laws] == list(kind.laws)
            assert checks.KINDS[kind.of].name == kind.noun


@parametrize_with_checks(BUILTINS)
def test_it_conforms(subject, check):
    check(subject)


def test_the_one_door_selects_as_it_should():
    check_selection(select_masks).raise_for_failures()


def test_a_failing_law_does_fail_under_the_same_entry():
    mark = parametrize_with_checks(CRITERIA[:1])
    subject, check = mark.args[1][0].values
    with pytest.raises(LawBroken):
        check(type(subject)("broken", lambda weights: {}, subject.source))
