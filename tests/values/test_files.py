"""Files that are replaced whole."""

import pytest

from pruneproof.values.files import replacing


def test_the_draft_takes_the_files_place_in_the_end_and_not_before(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_file_is_as_it_was_and_no_draft_is_left(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def write_a_part():
        with replacing(path) as draft:
            draft.write_text("ne")
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        write_a_part()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
