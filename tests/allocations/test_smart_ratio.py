"""Smart ratio against a literal reading of its rule, on a VGG-like pile of convolutions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.allocations.smart_ratio import smart_ratio
from pruneproof.errors import BadConfig, InfeasibleSelection

PILE = {
    "c1": np.ones((16, 3, 3, 3)),
    "c2": np.ones((32, 16, 3, 3)),
    "c3": np.ones((64, 32, 3, 3)),
    "fc": np.ones((10, 64)),
}


@pytest.mark.parametrize("by_square", [False, True])
def test_densities_fall_as_the_rule_says_and_linear_layers_keep_three_tenths(by_square):
    keep = 1500
    counts = smart_ratio(PILE, keep, by_square=by_square)
    assert sum(counts.values()) == keep
    assert counts["fc"] == 192
    raw = [20, 12 / 4, 6 / 9] if by_square else [20, 12, 6]
    sizes = [432, 4608, 18432]
    scale = (keep - 192) / sum(size * each for size, each in zip(sizes, raw, strict=True))
    for name, size, each in zip(("c1", "c2", "c3"), sizes, raw, strict=True):
        assert abs(counts[name] - scale * each * size) < 1


def test_what_exceeds_a_tensor_goes_to_the_next():
    counts = smart_ratio(PILE, 12_192)
    plain = (12_192 - 192) / (432 * 20 + 4608 * 12 + 18_432 * 6)
    excess = (plain * 20 - 1) * 432
    assert counts["c1"] == 432
    assert abs(counts["c2"] - (plain * 12 * 4608 + excess)) < 1


@given(st.integers(192, 23_472 + 192), st.booleans())
def test_the_total_is_exact_and_no_tensor_overflows(keep, by_square):
    counts = smart_ratio(PILE, keep, by_square=by_square)
    assert sum(counts.values()) == keep
    assert all(0 <= counts[name] <= weight.size for name, weight in PILE.items())


@pytest.mark.parametrize("keep", [191, 23_472 + 193])
def test_a_budget_that_the_linear_share_rules_out_is_refused(keep):
    with pytest.raises(InfeasibleSelection, match="linear layers keep 192"):
        smart_ratio(PILE, keep)


def test_a_density_out_of_range_is_refused():
    with pytest.raises(BadConfig, match=r"linear_density = 1\.5"):
        smart_ratio(PILE, 1500, linear_density=1.5)
