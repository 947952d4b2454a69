"""The kit can fail: every law catches something that is wrong in the way that the law is about."""

import importlib.util
import sys
from pathlib import Path

import pytest

from pruneproof.contracts import laws
from pruneproof.testing import claimable_laws
from pruneproof.testing.checks import KINDS, SELECTION, Check
from pruneproof.testing.law import LawBroken

SPEC = importlib.util.spec_from_file_location("mutants", Path(__file__).with_name("mutants") / "__init__.py")
mutants = importlib.util.module_from_spec(SPEC)
sys.modules["mutants"] = mutants  # its files import each other
SPEC.loader.exec_module(mutants)
MUTANTS = mutants.MUTANTS


def check_of(mutant):
    kind = KINDS.get(type(mutant.subject), SELECTION)
    law = next((each for each in kind.laws if each.id == mutant.law), None)
    return Check(kind, law or claimable_laws.claimed(mutant.law))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
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


@pytest.mark.parametrize(
    ("kind", "vocabulary"),
    [
        ("Criterion", laws.CRITERION_LAWS | laws.CLAIMABLE_LAWS),
        ("Schedule", laws.SCHEDULE_LAWS),
        ("Allocation", laws.ALLOCATION_LAWS),
        ("Structure", laws.STRUCTURE_LAWS),
        ("Floor", laws.FLOOR_LAWS),
        ("CountingRule", laws.COUNTING_LAWS),
        ("Model", laws.MODEL_LAWS),
        ("function", laws.SELECTION_LAWS),
    ],
)
def test_every_law_of_the_vocabulary_catches_a_mutant(kind, vocabulary):
    caught = {laws.entry(mutant.law) for mutant in MUTANTS if type(mutant.subject).__name__ == kind}
    assert caught == set(vocabulary)
