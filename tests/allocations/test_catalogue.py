import numpy as np
import pytest

from pruneproof.allocations.catalogue import ALLOCATIONS
from pruneproof.api import InfeasibleSelection


@pytest.mark.parametrize("rule", [rule for rule in ALLOCATIONS if rule.id != "given"], ids=lambda rule: rule.id)
def test_every_budget_is_spent_exactly(rule):
    weights = {"a": np.arange(8.0).reshape(2, 2, 2), "empty": np.ones((0, 3)), "b": np.ones((3, 5)), "c": np.ones(4)}
    for keep in range(28):
        try:
            counts = rule.counts(weights, keep)
        except InfeasibleSelection:
            assert rule.id in ("uniform-plus", "smart-ratio")
            assert keep < 8 + 1
            continue
        assert sum(counts.values()) == keep
        assert all(0 <= counts[name] <= weight.size for name, weight in weights.items())
