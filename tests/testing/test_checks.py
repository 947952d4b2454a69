"""Reports: nothing is left out, declarations are strict, messages can be read."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from pruneproof.api import Allocation, Criterion, Schedule, Source, Structure
from pruneproof.contracts.laws import CLAIMABLE_LAWS, CRITERION_LAWS, SCHEDULE_LAWS, entry
from pruneproof.counting.ceil_keep_one import CEIL_KEEP_ONE
from pruneproof.criteria.magnitude import MAGNITUDE
from pruneproof.criteria.random import RANDOM
from pruneproof.errors import BadConfig, BadPlugin, ExtraMissing
from pruneproof.floors.count import COUNT
from pruneproof.floors.global_mp_released import GLOBAL_MP_RELEASED
from pruneproof.models.wide_resnet import WRNS
from pruneproof.registry.kinds import kind_of
from pruneproof.schedules.linear import LINEAR
from pruneproof.structures.n_of_m import N_OF_M
from pruneproof.structures.regular import FILTER
from pruneproof.testing import (
    LawBroken,
    check_allocation,
    check_counting_rule,
    check_criterion,
    check_floor,
    check_model,
    check_schedule,
    check_structure,
    parametrize_with_checks,
)
from pruneproof.testing.checks import check_value, checks_of

SOURCE = Source("A. Tester", 2026, "A paper of seconds")


def signed(weights):
    return dict(weights)


def test_a_report_accounts_for_every_law_of_the_vocabulary():
    report = check_criterion(MAGNITUDE, quick=True)
    named = {entry(law) for law in (*report.ran, *report.skipped, *report.not_claimed)}
    assert named == {*CRITERION_LAWS, *CLAIMABLE_LAWS}
    assert report.skipped == {"seed-used": "it does not ask for rng"}
    assert not report.failures
    report.raise_for_failures()


def test_a_declared_failure_that_fails_is_reported_with_its_reason_and_is_no_failure():
    report = check_criterion(RANDOM, quick=True)
    assert report.expected_failures == RANDOM.expected_failures
    assert "hidden-units-equivariant" in report.ran
    assert not report.failures
    assert "1 failed as declared" in str(report)


def test_an_unexpected_pass_is_a_failure():
    report = check_criterion(replace(MAGNITUDE, expected_failures={"finite": "it was not, once"}), quick=True)
    assert list(report.failures) == ["finite"]
    assert "take it out of `expected_failures`" in report.failures["finite"]
    with pytest.raises(LawBroken, match="✗ finite"):
        report.raise_for_failures()


def test_a_declared_failure_of_a_law_that_does_not_apply_is_a_failure():
    report = check_criterion(replace(MAGNITUDE, expected_failures={"seed-used": "no seed"}), quick=True)
    assert "does not apply" in report.failures["seed-used"]


def test_a_law_that_can_be_claimed_can_be_declared_as_failing_without_a_claim():
    declared = Criterion("signed", signed, SOURCE, expected_failures={"nonnegative": "it has a sign"})
    assert check_criterion(declared, quick=True).expected_failures == {"nonnegative": "it has a sign"}
    obeyed = replace(MAGNITUDE, laws=frozenset(), expected_failures={"nonnegative": "it has a sign"})
    assert list(check_criterion(obeyed, quick=True).failures) == ["nonnegative"]


def test_a_law_that_no_case_can_try_is_broken_and_not_passed_over():
    def refuses_everything(weights, keep):
        raise BadConfig("never")

    report = check_allocation(Allocation("never", refuses_everything, SOURCE))
    first, *others = report.findings
    assert first.status == "broken"
    assert "no case could try" in first.detail
    assert {each.status for each in others} == {"skipped"}

    def never(target, steps):
        raise BadConfig("never")

    assert "no case could try" in check_schedule(Schedule("never", never, SOURCE)).findings[0].detail


def test_the_other_laws_wait_for_an_answer_that_has_a_form():
    report = check_criterion(Criterion("empty", lambda weights: {}, SOURCE))
    assert list(report.failures) == ["shapes-and-names"]
    assert set(report.skipped.values()) == {"shapes-and-names is broken; repair that first"}


def test_a_failure_shows_the_law_the_smallest_case_and_what_to_do():
    claims = replace(MAGNITUDE, id="mine", score=signed, laws=frozenset({"sign-invariant"}))
    message = check_criterion(claims, quick=True).failures["sign-invariant"]
    assert message.startswith("law: S(ε ⊙ w) = S(w)")
    assert "\ncase: Case(network=Network(" in message
    assert "\nfound: " in message
    assert "\ndo: repair the function, or take the law out of `laws`" in message


def test_an_exception_in_a_subject_names_its_place():
    def raises(weights):
        raise ValueError("nothing\nto see")

    message = check_criterion(Criterion("raises", raises, SOURCE)).failures["shapes-and-names"]
    assert "found: ValueError: nothing to see" in message
    assert f"look at {__file__}, line {raises.__code__.co_firstlineno + 1}" in message


def test_two_runs_of_the_kit_say_the_same():
    broken = replace(MAGNITUDE, score=signed)
    assert check_criterion(broken, quick=True) == check_criterion(broken, quick=True)


def test_large_models_are_built_but_not_run_and_say_so():
    large = next(model for model in WRNS if model.id == "wrn-28-10")
    report = check_model(large)
    assert set(report.ran) == {"prunable-names", "logits-shape"}
    assert all("parameters; up to" in reason for reason in report.skipped.values())


@pytest.mark.parametrize(
    ("check", "subject", "skipped"),
    [
        (check_structure, FILTER, {}),
        (check_structure, N_OF_M, {"count-exact": "it says itself how much is kept"}),
        (check_floor, COUNT, {}),
        (check_floor, GLOBAL_MP_RELEASED, {"total-exact": "the floor is final, and the total is its own"}),
        (check_counting_rule, CEIL_KEEP_ONE, {"inputs-untouched": "it does not ask for scores"}),
    ],
    ids=lambda value: getattr(value, "id", ""),
)
def test_laws_that_do_not_apply_are_skipped_with_their_reason(check, subject, skipped):
    report = check(subject, quick=True)
    assert report.skipped == skipped
    assert not report.failures
    assert {*report.ran, *report.skipped} == set(kind_of(type(subject)).laws)


def test_a_structure_that_fits_no_network_is_broken_and_not_passed_over():
    def refuses(shapes):
        raise BadConfig("never")

    report = check_structure(Structure("never", refuses, SOURCE, "refuses"), quick=True)
    assert "no case could try" in report.failures["names-and-shapes"]


def test_a_report_turns_into_json():
    report = check_schedule(LINEAR, quick=True)
    assert json.loads(json.dumps(report.to_json()))["findings"][0] == {
        "law": "one-value-per-step",
        "status": "holds",
        "detail": "",
    }
    assert report.to_json()["conforms"]
    assert set(report.ran) == set(SCHEDULE_LAWS)


def test_a_subject_with_an_invalid_passport_or_of_no_kind_is_refused():
    with pytest.raises(BadPlugin, match="not in the vocabulary"):
        check_criterion(replace(MAGNITUDE, laws=frozenset({"sing-invariant"})))
    with pytest.raises(BadPlugin, match="cannot be checked"):
        checks_of("magnitude")


def test_checks_for_pytest_have_readable_ids_reasons_and_strict_expectations():
    declared = replace(RANDOM, expected_failures={**RANDOM.expected_failures, "finite": "who knows"})
    names, parameters = parametrize_with_checks([MAGNITUDE, declared]).args
    assert names == ("subject", "check")
    by_id = {each.id: each for each in parameters}
    assert {"magnitude-shapes-and-names", "magnitude-homogeneous-1", "random-seed-used"} <= set(by_id)
    (skip,) = by_id["magnitude-seed-used"].marks
    assert (skip.name, skip.kwargs["reason"]) == ("skip", "it does not ask for rng")
    (xfail,) = by_id["random-finite"].marks
    assert (xfail.name, xfail.kwargs["strict"], xfail.kwargs["reason"]) == ("xfail", True, "who knows")


def test_the_slow_profile_tries_more_cases(monkeypatch):
    check = checks_of(LINEAR)[0]
    usual = check.kind.amount(quick=False)
    assert check.kind.amount(quick=True) < usual
    monkeypatch.setenv("PRUNEPROOF_SLOW", "1")
    assert check.kind.amount(quick=True) == 10 * usual


def test_without_hypothesis_there_is_one_message_that_says_what_to_install():
    code = (
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'hypothesis' else find(name, *more)\n"
        "from pruneproof.cli import execute\n"
        "raise SystemExit(execute(['check', 'schedule', 'linear']))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == ExtraMissing.status
    assert found.stderr.strip().endswith("Run: pip install 'pruneproof[testing]'")
    assert len(found.stderr.strip().splitlines()) == 1


def test_each_law_is_announced_before_it_is_tried():
    told = []
    report = check_value(LINEAR, quick=True, on_law=lambda *each: told.append(each))
    assert [law for law, _, _ in told] == [finding.law for finding in report.findings]
    assert [(place, total) for _, place, total in told] == [(n + 1, len(told)) for n in range(len(told))]
