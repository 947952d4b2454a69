import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.errors import BadPlugin, StoreCorrupt
from pruneproof.values.measurements import Measurement

NUMBERS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_json_is_read_back(values):
    found = Measurement(values)
    text = json.dumps(found.to_json(), allow_nan=False)
    again = Measurement.from_json(json.loads(text))
    assert again == found
    assert again.digest() == found.digest()


@given(st.floats())
def test_what_is_not_finite_has_no_number(value):
    assert Measurement({"x": value})["x"] == (value if math.isfinite(value) else None)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (torch.tensor(0.5), 0.5),
        (torch.tensor([1.0, float("inf")]), [1.0, None]),
        ((1, 2), [1, 2]),
        ({"w": np.arange(2)}, {"w": [0, 1]}),
    ],
)
def test_numbers_and_arrays_become_plain(value, plain):
    assert Measurement({"x": value})["x"] == plain


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", {"w": object()}])
def test_other_values_are_refused_by_metric(value):
    with pytest.raises(BadPlugin, match='metric "odd"'):
        Measurement({"odd": value})


@pytest.mark.parametrize("content", [None, [1], 7, {1: 2.0}])
def test_what_is_no_mapping_from_metric_is_corrupt(content):
    with pytest.raises(StoreCorrupt, match="a mapping from metric to value"):
        Measurement.from_json(content)


def test_a_number_is_read_by_metric_where_there_is_one():
    found = Measurement({"accuracy": 90.0, "dead": True, "densities": {"w": 0.5}, "loss": None})
    assert [found.number(name) for name in ("accuracy", "dead", "densities", "loss", "none")] == [
        90.0,
        1.0,
        None,
        None,
        None,
    ]
