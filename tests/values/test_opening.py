"""What is no file of ours to open or to replace."""

import os

import pytest

from pruneproof.values.opening import parse_json, refuse_special


@pytest.mark.parametrize("text", [b'{"a": 1, "a": 2}', b'[{"b": {"a": 1, "a": 1}}]'])
def test_a_key_that_stands_twice_is_refused(text):
    with pytest.raises(ValueError, match='"a" stands twice'):
        parse_json(text)


def test_a_place_that_is_taken_by_something_else_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(OSError, match="regular file"):
            refuse_special(place)
    (tmp_path / "file").touch()
    refuse_special(tmp_path / "file")
    refuse_special(tmp_path / "nothing")
