import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.allocations.balanced import balanced


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5), st.floats(0, 1))
def test_who_is_not_dense_has_as_many_as_any_other(sizes, share):
    weights = {f"w{place}": np.ones(size) for place, size in enumerate(sizes)}
    counts = balanced(weights, round(share * sum(sizes)))
    most = max(counts.values())
    assert all(count == weights[name].size or count >= most - 1 for name, count in counts.items())
