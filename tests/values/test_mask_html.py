import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pruneproof import MaskSet


@given(st.dictionaries(st.text('ab<&"', min_size=1), st.lists(st.booleans(), max_size=9), max_size=4))
def test_every_tensor_has_a_row_and_the_counts_are_those_of_the_mask(masks):
    found = MaskSet.from_arrays({name: np.array(bits, dtype=bool) for name, bits in masks.items()})
    rows = re.findall(r"<td>(\d*)</td><td>(\d+)</td><td>(\d+)</td><td>", found._repr_html_())
    each = [(str(len(masks[name])), str(sum(masks[name])), str(len(masks[name]))) for name in sorted(masks)]
    assert rows == [*each, ("", str(found.count()), str(found.size()))]


def test_a_large_mask_shows_its_first_tensors_and_the_counts_of_all():
    text = MaskSet.dense({f"layer{number:03d}": (2, 2) for number in range(60)})._repr_html_()
    assert "and 20 more tensors" in text
    assert "<td>240</td><td>240</td>" in text
    assert "layer059" not in text
