"""Updates, searches, transforms, penalties, rate schedules and metrics: mutants are caught, reports are whole."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pruneproof.api import LRSchedule, MaskSearch, Metric, Regularizer, Transform, Update
from pruneproof.contracts import laws
from pruneproof.lr_schedules.catalogue import LR_SCHEDULES
from pruneproof.metrics.catalogue import METRICS
from pruneproof.registry.kinds import kind_of
from pruneproof.regularizers.catalogue import REGULARIZERS
from pruneproof.searches.catalogue import SEARCHES
from pruneproof.testing import (
    check_lr_schedule,
    check_metric,
    check_regularizer,
    check_search,
    check_transform,
    check_update,
)
from pruneproof.testing.checks import KINDS, Check
from pruneproof.testing.law import LawBroken
from pruneproof.transforms.catalogue import TRANSFORMS
from pruneproof.updates.catalogue import UPDATES

HERE = Path(__file__).parent


def loaded(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # files import each other by these names
    spec.loader.exec_module(module)
    return module


loaded("mutants", HERE / "mutants" / "__init__.py")
mutants = loaded("mutants_new_kinds", HERE / "mutants_new_kinds.py")
CHECKERS = {
    Update: (check_update, UPDATES),
    MaskSearch: (check_search, SEARCHES),
    Transform: (check_transform, TRANSFORMS),
    Regularizer: (check_regularizer, REGULARIZERS),
    LRSchedule: (check_lr_schedule, LR_SCHEDULES),
    Metric: (check_metric, METRICS),
}


def check_of(mutant):
    kind = KINDS[type(mutant.subject)]
    law = next((each for each in kind.laws if each.id == mutant.law), None)
    return Check(kind, law or kind.claimed(mutant.law))


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.id)
def test_the_law_meant_for_it_catches_it_and_tells_its_author_what_to_do(mutant):
    with pytest.raises(LawBroken) as caught:
        check_of(mutant)(mutant.subject)
    law, case, found, advice = str(caught.value).split("\n")
    assert law.startswith("law: ")
    assert case.startswith("case: ")
    assert len(case) < 240
    assert found.startswith("found: ")
    assert len(advice) > len("do: ")
    assert mutant.says in found + advice


@pytest.mark.parametrize("of", CHECKERS, ids=lambda of: of.__name__)
def test_every_law_of_the_vocabulary_is_in_the_kit_and_catches_a_mutant(of):
    row = kind_of(of)
    assert [law.id for law in KINDS[of].laws] == list(row.laws)
    caught = {mutant.law for mutant in mutants.MUTANTS if type(mutant.subject) is of}
    assert caught == {*row.laws, *row.claimable}


def test_the_kit_knows_every_law_that_an_update_may_claim():
    assert [KINDS[Update].claimed(law).id for law in laws.CLAIMABLE_UPDATE_LAWS] == list(laws.CLAIMABLE_UPDATE_LAWS)


@pytest.mark.parametrize("of", CHECKERS, ids=lambda of: of.__name__)
def test_a_report_tells_every_law_of_a_shipped_value_and_none_is_broken(of):
    check, shipped = CHECKERS[of]
    report = check(shipped[0], quick=True)
    assert report.id == shipped[0].id
    assert set(report.ran) | set(report.skipped) >= set(kind_of(of).laws)
    assert not report.failures


def test_a_declared_failure_that_does_not_fail_is_a_failure():
    declared = replace(UPDATES[0], laws=frozenset(), expected_failures={"stops-at-end": "it never stops"})
    assert "although it is declared" in check_update(declared, quick=True).failures["stops-at-end"]
