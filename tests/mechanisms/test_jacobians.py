"""Exact statements about Jacobians hold where they should, and fail where they should."""

import pytest

from pruneproof.mechanisms.jacobians import jsv_scale, linear_jacobian, orthp_isometry
from pruneproof.registry.catalog import build_catalog

CATALOG = build_catalog(["builtin"])


def test_the_metrics_of_a_linear_network_are_those_of_the_product():
    assert [fact.holds for fact in linear_jacobian(CATALOG, seed=3)] == [True] * 4


def test_orthp_makes_pruned_linear_networks_isometric_and_no_others():
    assert all(fact.holds for fact in orthp_isometry(CATALOG, ratios=[0.0, 0.8, 0.9], seed=3))
    assert not any(fact.holds for fact in orthp_isometry(CATALOG, model="mlp-7", ratios=[0.0, 0.8]))


def test_fewer_units_than_classes_leave_directions_that_nothing_reaches():
    [fact] = orthp_isometry(CATALOG, ratios=[0.95])
    assert not fact.holds


@pytest.mark.parametrize("by", [10.0, 0.5])
def test_the_scale_of_the_last_layer_is_that_of_the_jacobian(by):
    facts = jsv_scale(CATALOG, by=by)
    assert len(facts) == 4
    assert all(fact.holds for fact in facts)


def test_a_negative_scale_changes_predictions_and_the_sign_that_no_singular_value_has():
    assert not any(fact.holds for fact in jsv_scale(CATALOG, by=-1.0))
