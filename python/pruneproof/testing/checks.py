"""`check_criterion` and its siblings, and the same checks one by one for pytest."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from traceback import extract_tb
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, HypothesisException, Unsatisfiable

from pruneproof.api import (
    Allocation,
    CountingRule,
    Criterion,
    Floor,
    LRSchedule,
    MaskSearch,
    Metric,
    Model,
    Regularizer,
    Schedule,
    Structure,
    Transform,
    Update,
)
from pruneproof.contracts.laws import CLAIMABLE_LAWS
from pruneproof.errors import BadPlugin
from pruneproof.registry.passports import check as check_passport
from pruneproof.testing import (
    allocation_laws,
    claimable_laws,
    counting_laws,
    criterion_laws,
    floor_laws,
    lr_schedule_laws,
    metric_laws,
    model_laws,
    regularizer_laws,
    schedule_laws,
    search_laws,
    selection_laws,
    structure_laws,
    surroundings,
    transform_laws,
    update_laws,
)
from pruneproof.testing.law import Law, LawBroken
from pruneproof.testing.masked import masked, plain_masked
from pruneproof.testing.report import Finding, Report
from pruneproof.testing.strategies import budgets, builds, cases, courses, plain_budgets, plain_cases

OnLaw = Callable[[str, int, int], None]
"""Told (law, its place from 1, how many there are) before a law is tried."""
SLOW = "PRUNEPROOF_SLOW"
"""Environment variable; at 1 every law is tried on ten times as many cases."""


@dataclass(frozen=True)
class Kind:
    """A kind of subject: its laws, the cases that they are tried on, and how many."""

    name: str
    laws: tuple[Law, ...]
    cases: Callable[[Any], st.SearchStrategy[Any]]
    examples: int
    plain: Callable[[Any], Sequence[Any]] = lambda _: ()
    """Cases that are always tried, before those that are drawn."""
    claimed: Callable[[str], Law] = claimable_laws.claimed
    """Id of a law that a subject may claim -> the law."""

    def amount(self, quick: bool) -> int:
        """Return the number of cases for each law."""
        if os.environ.get(SLOW) == "1":
            return 10 * self.examples
        return max(2, self.examples // 4) if quick else self.examples


CRITERION = Kind("criterion", criterion_laws.LAWS, cases, 8, plain_cases)
SCHEDULE = Kind("schedule", schedule_laws.LAWS, courses, 60)
ALLOCATION = Kind("allocation", allocation_laws.LAWS, lambda _: budgets(), 60, lambda _: plain_budgets())
STRUCTURE = Kind(
    "structure",
    structure_laws.LAWS,
    lambda _: structure_laws.grouped(),
    16,
    lambda _: structure_laws.plain_grouped(),
)
FLOOR = Kind("floor", floor_laws.LAWS, lambda _: budgets(), 60, lambda _: plain_budgets())
COUNTING_RULE = Kind(
    "counting rule", counting_laws.LAWS, lambda _: counting_laws.counts(), 60, lambda _: counting_laws.plain_counts()
)
MODEL = Kind("model", model_laws.LAWS, builds, 2)
SELECTION = Kind("selection", selection_laws.LAWS, lambda _: budgets(), 60, lambda _: plain_budgets())
UPDATE = Kind(
    "update",
    update_laws.LAWS,
    lambda _: masked(),
    30,
    lambda _: plain_masked(),
    {law.id: law for law in update_laws.CLAIMABLE}.__getitem__,
)
SEARCH = Kind("mask search", search_laws.LAWS, lambda _: search_laws.hunts(), 20, lambda _: search_laws.plain_hunts())
TRANSFORM = Kind("transform", transform_laws.LAWS, lambda _: masked(), 30, lambda _: plain_masked())
REGULARIZER = Kind("regularizer", regularizer_laws.LAWS, lambda _: masked(), 30, lambda _: plain_masked())
LR_SCHEDULE = Kind(
    "learning-rate schedule",
    lr_schedule_laws.LAWS,
    lambda _: lr_schedule_laws.moments(),
    60,
    lambda _: lr_schedule_laws.plain_moments(),
)
METRIC = Kind(
    "metric", metric_laws.LAWS, lambda _: metric_laws.measured_networks(), 6, lambda _: metric_laws.plain_networks()
)
KINDS: dict[type, Kind] = {
    Criterion: CRITERION,
    Schedule: SCHEDULE,
    Allocation: ALLOCATION,
    Structure: STRUCTURE,
    Floor: FLOOR,
    CountingRule: COUNTING_RULE,
    Model: MODEL,
    Update: UPDATE,
    MaskSearch: SEARCH,
    Transform: TRANSFORM,
    Regularizer: REGULARIZER,
    LRSchedule: LR_SCHEDULE,
    Metric: METRIC,
}


@dataclass(frozen=True)
class Check:
    """One law, to be tried on subjects of one kind; called with a subject it passes, or raises `LawBroken`."""

    kind: Kind
    law: Law
    quick: bool = False

    def __call__(self, subject: Any) -> None:
        """Try the law.

        Raises:
            LawBroken: on the smallest case that was found, or because no case could try it.
        """
        broken = _refute(self.law, subject, self.kind, self.kind.amount(self.quick))
        if broken is not None:
            raise broken

    def finding(self, subject: Any) -> Finding:
        """Try the law unless it does not apply, and compare with what the subject declares."""
        reason, declared = self.law.skip(subject), _declared(subject).get(self.law.id)
        if reason:
            stale = f"declared as an expected failure, but it does not apply: {reason}"
            return Finding(self.law.id, "broken", stale) if declared else Finding(self.law.id, "skipped", reason)
        try:
            self(subject)
        except LawBroken as broken:
            return (
                Finding(self.law.id, "expected", declared) if declared else Finding(self.law.id, "broken", str(broken))
            )
        if declared:
            return Finding(self.law.id, "broken", UNEXPECTED)
        return Finding(self.law.id, "holds")


UNEXPECTED = (
    "found: the law holds, although it is declared as an expected failure\ndo: take it out of `expected_failures`."
)


def check_criterion(criterion: Criterion, *, quick: bool = False) -> Report:
    """Try every law that all criteria obey, and those that this one claims, on small real networks.

    Options have their defaults. The environment variable PRUNEPROOF_SLOW=1 makes it ten times as thorough.

    Args:
        criterion: its passport is checked first.
        quick: a quarter of the cases.

    Raises:
        BadPlugin: the passport is invalid.
    """
    return check_value(criterion, quick=quick)


def check_schedule(schedule: Schedule, *, quick: bool = False) -> Report:
    """Try every law of schedules, on targets and the numbers of steps that it accepts; see `check_criterion`."""
    return check_value(schedule, quick=quick)


def check_allocation(allocation: Allocation, *, quick: bool = False) -> Report:
    """Try every law of allocations, on budgets that it accepts; see `check_criterion`."""
    return check_value(allocation, quick=quick)


def check_structure(structure: Structure, *, quick: bool = False) -> Report:
    """Try every law of structures, with the options of its `example`, on small real networks; see `check_criterion`."""
    return check_value(structure, quick=quick)


def check_floor(floor: Floor, *, quick: bool = False) -> Report:
    """Try every law of floors on budgets, options at their defaults; see `check_criterion`."""
    return check_value(floor, quick=quick)


def check_counting_rule(rule: CountingRule, *, quick: bool = False) -> Report:
    """Try every law of counting rules, options at their defaults; see `check_criterion`."""
    return check_value(rule, quick=quick)


def check_model(model: Model, *, quick: bool = False) -> Report:
    """Try every law of models on the network of its `example_shape` and `example_options`; see `check_criterion`."""
    return check_value(model, quick=quick)


def check_update(update: Update, *, quick: bool = False) -> Report:
    """Try every law of updates, and those that this one claims, on tensors under masks; see `check_criterion`."""
    return check_value(update, quick=quick)


def check_search(search: MaskSearch, *, quick: bool = False) -> Report:
    """Try every law of mask searches on small tensors, options at their defaults; see `check_criterion`."""
    return check_value(search, quick=quick)


def check_transform(transform: Transform, *, quick: bool = False) -> Report:
    """Try every law of transforms on tensors under masks, or on scores; see `check_criterion`."""
    return check_value(transform, quick=quick)


def check_regularizer(regularizer: Regularizer, *, quick: bool = False) -> Report:
    """Try every law of regularizers on tensors under masks; see `check_criterion`."""
    return check_value(regularizer, quick=quick)


def check_lr_schedule(schedule: LRSchedule, *, quick: bool = False) -> Report:
    """Try every law of learning-rate schedules on moments of trainings; see `check_criterion`."""
    return check_value(schedule, quick=quick)


def check_metric(metric: Metric, *, quick: bool = False) -> Report:
    """Try every law of metrics on small real networks; see `check_criterion`."""
    return check_value(metric, quick=quick)


def check_selection(select: Callable[..., Any], *, quick: bool = False) -> Report:
    """Try the laws of selection on a function like `pruneproof.selection.select.select_masks`."""
    checks = [Check(SELECTION, each, quick) for each in SELECTION.laws]
    return _report(SELECTION.name, select.__name__, select, checks)


def checks_of(subject: Any, *, quick: bool = False) -> list[Check]:
    """Return a check for each law that all of the subject's kind obey, that it claims, or that it expects to fail.

    Raises:
        BadPlugin: the passport is invalid, or the subject is of no kind that can be checked.
    """
    kind = KINDS.get(type(subject))
    if kind is None:
        known = ", ".join(each.__name__ for each in KINDS)
        raise BadPlugin(f"{subject!r} cannot be checked; one of {known} was expected.")
    check_passport(subject)
    stated = {*getattr(subject, "laws", ()), *_declared(subject)} - {each.id for each in kind.laws}
    return [Check(kind, each, quick) for each in (*kind.laws, *map(kind.claimed, sorted(stated)))]


def parametrize_with_checks(subjects: Iterable[Any], *, quick: bool = False) -> Any:
    """Return a pytest mark that gives a test the arguments `subject` and `check`, for every law of every subject.

    The ids read `magnitude-shapes-and-names`. Laws that do not apply are skipped with their reason; expected failures
    are strict.

        @parametrize_with_checks([MY_CRITERION])
        def test_it_conforms(subject, check):
            check(subject)

    Args:
        subjects: of any kind that can be checked.
        quick: a quarter of the cases.

    Raises:
        BadPlugin: a passport is invalid.
    """
    import pytest

    parameters = []
    for subject in subjects:
        for check in checks_of(subject, quick=quick):
            reason, declared = check.law.skip(subject), _declared(subject).get(check.law.id)
            marks = []
            if declared:  # before the skip: a failure that is declared where the law does not apply is itself a failure
                marks.append(pytest.mark.xfail(reason=declared, raises=LawBroken, strict=True))
            elif reason:
                marks.append(pytest.mark.skip(reason=reason))
            parameters.append(pytest.param(subject, check, id=f"{subject.id}-{check.law.id}", marks=marks))
    return pytest.mark.parametrize(("subject", "check"), parameters)


def check_value(subject: Any, *, quick: bool = False, on_law: OnLaw = lambda law, place, total: None) -> Report:
    """Try every law of the subject's kind, and those that it claims; see `check_criterion`.

    Args:
        subject: of any kind that can be checked.
        quick: a quarter of the cases.
        on_law: told each law before it is tried.

    Raises:
        BadPlugin: the passport is invalid, or the subject is of no kind that can be checked.
    """
    checks = checks_of(subject, quick=quick)
    report = _report(checks[0].kind.name, subject.id, subject, checks, on_law)
    if not isinstance(subject, Criterion):
        return report
    stated = {
        law.rpartition("-")[0] + "-K" if law[-1].isdigit() else law for law in {*subject.laws, *_declared(subject)}
    }
    open_ = tuple(Finding(law, "not claimed") for law in CLAIMABLE_LAWS if law not in stated)
    return replace(report, findings=report.findings + open_)


def _report(
    kind: str,
    name: str,
    subject: Any,
    checks: Sequence[Check],
    on_law: OnLaw = lambda law, place, total: None,
) -> Report:
    first, *others = checks
    on_law(first.law.id, 1, len(checks))
    findings = [first.finding(subject)]
    if findings[0].status == "broken":  # the answer has no form that the other laws could speak of
        reason = f"{first.law.id} is broken; repair that first"
        findings += [Finding(each.law.id, "skipped", reason) for each in others]
    else:
        for place, each in enumerate(others, start=2):
            on_law(each.law.id, place, len(checks))
            findings.append(each.finding(subject))
    return Report(kind, name, tuple(findings))


def _declared(subject: Any) -> dict[str, str]:
    return dict(getattr(subject, "expected_failures", {}))


def _refute(law: Law, subject: Any, kind: Kind, examples: int) -> LawBroken | None:
    """Look for a case that breaks the law; return the smallest one found as an error, None where there is none."""
    broken: LawBroken | None = None

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        print_blob=False,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(kind.cases(subject))
    def attempt(case: Any) -> None:
        nonlocal broken
        try:
            with surroundings.kept():
                law.test(subject, case)
        except (LawBroken, HypothesisException) as problem:
            if isinstance(problem, LawBroken):
                broken = _worded(law, case, problem)
            raise
        except Exception as problem:
            place = extract_tb(problem.__traceback__)[-1]
            raised = LawBroken(
                f"{type(problem).__name__}: {' '.join(str(problem).split())}",
                f"it has to answer in this case; look at {place.filename}, line {place.lineno}.",
            )
            broken = _worded(law, case, raised)
            raise broken from problem

    for case in kind.plain(subject):
        attempt = example(case)(attempt)
    try:
        attempt()
    except Unsatisfiable:
        advice = "see what it refuses; a law that is never tried does not hold."
        return LawBroken(f'no case could try the law "{law.id}"', advice)
    except Flaky:
        return broken
    except LawBroken as problem:
        if broken is not None:
            broken.__cause__ = problem.__cause__
        return broken
    return None


def _worded(law: Law, case: Any, problem: LawBroken) -> LawBroken:
    statement = " ".join(law.statement.split("\n\n")[0].split())
    found = f"{problem.found}"
    worded = LawBroken(found, problem.advice)
    worded.args = (f"law: {statement}\ncase: {case!r}\nfound: {found}\ndo: {problem.advice}",)
    return worded
