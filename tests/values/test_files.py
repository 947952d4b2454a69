"""Files that are replaced whole."""

import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

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


def save_by_safetensors(path):
    save_file({"w": torch.ones(2)}, path)


def save_by_rename(path):
    """As libraries do that write to a private file of their own first."""
    private = path.with_name("private")
    private.touch(mode=0o600)
    private.replace(path)


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o027, 0o077])
@pytest.mark.parametrize("write", [save_by_safetensors, save_by_rename, Path.touch])
def test_who_may_read_a_file_is_what_the_umask_says(tmp_path, umask, write):
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "file") as draft:
            write(draft)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~umask


def test_a_pipe_or_device_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe"), replacing(tmp_path / "pipe"):
        pass
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]
