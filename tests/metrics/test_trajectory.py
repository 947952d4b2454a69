"""What is seen of filters while a network trains."""

import pytest
import torch

from pruneproof.metrics import trajectory

HISTORY = {
    "loss": [2.0, 1.0, 0.5],
    "watched": {
        "filter-contribution": [{"a": [1.0, 3.0]}, {"a": [2.0, 5.0]}],
        "velocity-correlation": [0.5, 0.9, 0.8],
        "sign-agreement": [0.4, 0.5, 0.7],
    },
}


def test_a_filter_contributes_the_rate_times_its_squared_gradient():
    grads = {"a": torch.tensor([[1.0, 2.0], [0.0, 3.0]]), "b": torch.tensor([2.0])}
    assert trajectory.filter_contribution(grads, 0.5) == {"a": [2.5, 4.5], "b": [2.0]}


def test_on_the_scoring_batch_in_its_mode_the_score_is_the_velocity(chain):
    _, probe, grads = chain
    assert trajectory.velocity_correlation(probe.weights(), grads, probe, temperature=1.0) == pytest.approx(1.0)
    other = {name: torch.randn_like(each) for name, each in grads.items()}
    assert trajectory.velocity_correlation(probe.weights(), other, probe) < 1.0


def test_the_removed_are_compared_with_the_kept_by_what_they_contributed_in_all_epochs():
    assert trajectory.removed_contribution({"a": torch.tensor([[False], [True]])}, HISTORY) == 3 / 8
    assert trajectory.removed_contribution({"a": torch.tensor([[True], [True]])}, HISTORY) is None
    assert trajectory.removed_contribution({"a": torch.tensor([[False], [True]])}, {}) is None


def test_the_area_ends_at_an_epoch_that_is_counted_from_initialisation():
    assert trajectory.loss_area(HISTORY, 5) == pytest.approx(3.5 / 3)
    assert trajectory.loss_area(HISTORY, 5, until=4) == 1.5  # epochs 2 and 3
    assert trajectory.loss_area(HISTORY, 5, until=2) is None
    assert trajectory.loss_area({"loss": [1.0, None]}, 2) is None


def test_series_and_their_summaries_are_read_from_the_history():
    assert trajectory.losses(HISTORY) == [2.0, 1.0, 0.5]
    assert trajectory.velocity_correlations(HISTORY) == [0.5, 0.9, 0.8]
    assert trajectory.typical_velocity_correlation(HISTORY) == 0.8
    assert trajectory.sign_agreements(HISTORY) == [0.4, 0.5, 0.7]
    assert trajectory.sign_agreement_trend(HISTORY) == 1.0


def test_what_was_not_watched_or_diverged_is_none():
    for metric in (
        trajectory.losses,
        trajectory.velocity_correlations,
        trajectory.sign_agreements,
        trajectory.typical_velocity_correlation,
        trajectory.sign_agreement_trend,
    ):
        assert metric({}) is None
        assert metric({"loss": [None], "watched": {"sign-agreement": [None], "velocity-correlation": [None]}}) is None
