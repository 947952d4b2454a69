import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.transform import Transform
from pruneproof.pipeline.mutants import RULES
from pruneproof.registry.catalog import build_catalog
from pruneproof.selection.amount import Amount
from pruneproof.units import keep_count

CATALOG = build_catalog(["builtin"], files=[RULES])


@given(st.integers(2, 10_000_000), st.integers(1, 999), st.data())
def test_counts_are_one_off_the_exact_count_of_networks_pruned_before_too(size, thousandths, data):
    sparsity = thousandths / 1000
    exact = keep_count(size, sparsity)
    alive = data.draw(st.integers(exact, size))
    for name, off in (("keep-one-more", 1), ("keep-one-fewer", -1)):
        rule = CATALOG.get(CountingRule, name)
        found = Amount(sparsity=sparsity).by_rule(rule, {}, size, alive, lambda: pytest.fail("no scores are needed"))
        assert found == min(alive, max(0, exact + off))


def test_a_revived_network_is_zero_where_it_was_pruned_and_has_no_dead_weight():
    weights, alive = {"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([False, True])}
    found = CATALOG.get(Transform, "revive").transform(weights, alive)
    assert found.state["w"].tolist() == [0.0, 2.0]
    assert found.alive["w"].tolist() == [True, True]


def test_the_rules_are_of_a_plugin_that_changes_results_and_no_installed_one():
    [plugin] = [each for each in CATALOG.plugins if each.is_file]
    assert CATALOG.changes_results(plugin)
    assert "signed-magnitude" in CATALOG.entries(Criterion)
    assert "signed-magnitude" not in build_catalog(of=[Criterion]).entries(Criterion)
