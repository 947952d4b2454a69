import numpy as np
import pytest

from pruneproof.allocations.catalogue import ALLOCATIONS
from pruneproof.api import InfeasibleSelection

REFUSED = {"uniform-plus": range(9), "smart-ratio": {*range(5), *range(14, 28)}}
"""The budgets of 27 weights that a rule cannot keep: one part is fixed and the rest too small or too large."""


@pytest.mark.parametrize("rule", [rule for rule in ALLOCATIONS if rule.id != "given"], ids=lambda rule: rule.id)
def test_every_budget_is_spent_exactly(rule):
    weights = {"a": np.arange(8.0).reshape(2, 2, 2), "empty": np.ones((0, 3)), "b": np.ones((3, 5)), "c": np.ones(4)}
    for keep in range(28):
        try:
            counts = rule.counts(weights, keep)
        except InfeasibleSelection:
            assert keep in REFUSED[rule.id]
            continue
        assert sum(counts.values()) == keep
        assert all(0 <= counts[name] <= weight.size for name, weight in weights.items())
