"""The best of several settings: known answers, and that choosing does not leak into judging."""

import numpy as np
import pytest

from pruneproof.claim_tests.best_of_many import chosen_difference, chosen_equivalence, relative_gain

NOISE = np.random.default_rng(0).normal(0.0, 0.1, (40, 12))


def methods(*means, seeds=12, noise=1.0):
    """Return one operand per mean, with noise of a tenth over the seeds."""
    return [(mean + noise * NOISE[place, :seeds]).tolist() for place, mean in enumerate(means)]


def test_the_best_of_a_group_is_compared_with_the_best_of_the_rest():
    samples = methods(5.0, 2.0, 4.0, 6.0, 3.0)
    outcome = chosen_difference.decide(samples, first=3, choosing=4)
    assert outcome.verdict == "holds"
    assert outcome.n == 8
    assert outcome.value == pytest.approx(np.median(np.array(samples[1][4:]) - np.array(samples[4][4:])), abs=1e-8)
    assert "the 2nd of 3 and the 2nd of 2 (an end)" in outcome.reason
    assert chosen_difference.decide(samples, first=3, choosing=4, relation=">").verdict == "fails"
    assert chosen_difference.decide(samples, first=3, choosing=4, margin=1.0).verdict == "inconclusive"
    assert chosen_difference.decide(samples, first=3, choosing=4, margin=1.5).verdict == "fails"


def test_larger_can_be_better():
    samples = methods(5.0, 2.0, 4.0, 1.0)
    outcome = chosen_difference.decide(samples, first=2, choosing=4, prefer="larger", relation=">")
    assert outcome.verdict == "holds"
    assert outcome.value == pytest.approx(1.0, abs=0.2)


def test_a_margin_can_count_pooled_deviations():
    samples = methods(1.0, 1.05)
    within = {"first": 1, "choosing": 2, "relation": ">", "margin_in_deviations": True}
    outcome = chosen_difference.decide(samples, margin=-3.0, **within)
    assert outcome.verdict == "holds"
    assert chosen_difference.decide(samples, margin=3.0, **within).verdict == "fails"


def test_deviations_have_an_interval_that_may_leave_a_margin_of_them_open():
    a, b = (np.array(each) for each in methods(1.0, 1.0))
    apart = 1.2 * ((a.var(ddof=1) + b.var(ddof=1)) / 2) ** 0.5
    steady = [(b + apart + 1e-6 * NOISE[2]).tolist(), b.tolist()]  # differs by 1.2 deviations in every seed
    outcome = chosen_difference.decide(steady, first=1, choosing=2, relation=">", margin=1.0, margin_in_deviations=True)
    assert outcome.verdict == "inconclusive"
    assert "leaves it open" in outcome.reason


def test_the_choice_does_not_see_the_judging_seeds_nor_judging_the_choosing_ones():
    samples = methods(2.0, 2.0, 2.0, 2.0, 2.2)
    lucky = [list(each) for each in samples]
    lucky[2][0] -= 50.0  # wins the choice by one choosing seed; that seed must not count for it
    first = chosen_difference.decide(lucky, first=4, choosing=3)
    assert "the 3rd of 4" in first.reason
    assert first.value == pytest.approx(np.median(np.array(samples[2][3:]) - np.array(samples[4][3:])), abs=1e-8)
    later = [list(each) for each in lucky]
    later[0][-1] -= 50.0  # a judging seed must not change the choice
    assert "the 3rd of 4" in chosen_difference.decide(later, first=4, choosing=3).reason


def test_many_equal_settings_win_nothing_by_being_many():
    rng = np.random.default_rng(1)
    held = sum(
        chosen_difference.decide(rng.normal(size=(10, 8)).tolist(), first=9, choosing=3).verdict == "holds"
        for _ in range(100)
    )
    assert held <= 10  # nominally 5 of 100; chosen and judged on the same seeds it is most of them


@pytest.mark.parametrize(
    ("means", "verdict"), [((2.0, 1.0, 1.1, 3.0, 3.0), "holds"), ((2.0, 1.0, 2.0, 3.0, 3.0), "fails")]
)
def test_equivalence_of_the_chosen_is_within_a_share_of_the_gain(means, verdict):
    outcome = chosen_equivalence.decide(methods(*means), first=2, second=2, choosing=3, share=0.25)
    assert outcome.verdict == verdict
    assert outcome.value == pytest.approx((1.0 - means[2]) / (3.0 - 1.0), abs=0.1)


def test_equivalence_at_the_tolerance_and_without_a_gain_is_open():
    near = chosen_equivalence.decide(methods(1.0, 1.5, 3.0), first=1, second=1, choosing=3, share=0.25)
    assert near.verdict == "inconclusive"
    nothing = chosen_equivalence.decide(methods(1.0, 1.0, 1.0), first=1, second=1, choosing=3, share=0.25)
    assert nothing.verdict == "inconclusive"
    assert "the better one gains nothing" in nothing.reason


def test_the_share_that_tuning_gains_is_compared_between_two_places():
    samples = methods(4.0, 2.0, 5.0, 4.0, 3.8, 6.0)
    outcome = relative_gain.decide(samples, first=3, choosing=4)
    assert outcome.verdict == "holds"
    assert outcome.value == pytest.approx(0.5 - 0.05, abs=0.05)
    assert relative_gain.decide(samples[3:] + samples[:3], first=3, choosing=4).verdict == "fails"


def test_tuning_that_only_harms_gains_nothing():
    outcome = relative_gain.decide(methods(1.0, 3.0, 1.0, 4.0), first=2, choosing=4)
    assert (outcome.value, outcome.low, outcome.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("test", "parameters"),
    [
        (chosen_difference, {"first": 2, "choosing": 3}),
        (chosen_equivalence, {"first": 2, "second": 1, "choosing": 3, "share": 0.2}),
        (relative_gain, {"first": 2, "choosing": 3}),
    ],
)
def test_too_few_seeds_to_choose_and_judge_are_inconclusive_and_say_how_many_it_takes(test, parameters):
    outcome = test.decide(methods(1.0, 2.0, 3.0, 4.0, seeds=4), **parameters)
    assert (outcome.verdict, outcome.seeds_needed) == ("inconclusive", parameters["choosing"] + 5)
