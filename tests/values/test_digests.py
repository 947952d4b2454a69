import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.values.digests import canonical_json, digest_arrays, digest_bytes, digest_file, digest_json


def test_the_digest_is_blake3():
    # First bytes of the official test vectors, inputs 0, 1, 2, ... modulo 251.
    pattern = bytes(i % 251 for i in range(1025))
    assert digest_bytes(pattern[:0]).startswith("af1349b9f5f9a1a6a0404dea36dcc949")
    assert digest_bytes(pattern[:1]).startswith("2d3adedff11b61f14c886e35afa03673")
    assert digest_bytes(pattern).startswith("d00278ae47eb27b34faecf67b4fe263f")


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_001])
def test_a_file_has_the_digest_of_its_bytes(size, tmp_path):
    content = np.random.default_rng(size).bytes(size)
    path = tmp_path / "file"
    path.write_bytes(content)
    assert digest_file(path) == digest_bytes(content)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "absent")


@given(st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()))
def test_the_order_of_keys_does_not_matter(value):
    assert digest_json(value) == digest_json(dict(reversed(value.items())))


def test_nan_has_no_canonical_form():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"x": float("nan")})


def test_arrays_digest_by_name_dtype_shape_and_content():
    base = {"a": np.arange(6, dtype=np.int32), "b": np.ones(2)}
    same = {"b": np.ones(2), "a": np.arange(6, dtype=np.int32)}
    others = [
        {**base, "a": np.arange(6, dtype=np.int64)},
        {**base, "a": base["a"].reshape(2, 3)},
        {**base, "a": base["a"][::-1]},
        {"c": base["a"], "b": base["b"]},
    ]
    assert digest_arrays(same) == digest_arrays(base)
    assert len({digest_arrays(each) for each in [base, *others]}) == 5
