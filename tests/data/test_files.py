import io
import re
import tarfile
import zipfile

import pytest

from pruneproof.data.files import downloading, read_tree
from pruneproof.errors import DataCorrupt, DataMissing

CONTENT = {"b/two.txt": b"2", "a/one.txt": b"1", "a/three.dat": b"3"}
TEXT = re.compile(r"(?:^|/)([ab]/[^/]+\.txt)$")
EXPECTED = [("a/one.txt", b"1"), ("b/two.txt", b"2")]


def make_folder(path):
    for name, content in CONTENT.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def make_tar(path, prefix=""):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in CONTENT.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def make_zip(file, prefix=""):
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in CONTENT.items():
            archive.writestr(prefix + name, content)


def test_folder_tar_zip_and_nested_zip_read_the_same(tmp_path):
    make_folder(tmp_path / "folder")
    make_tar(tmp_path / "tree.tar.gz", "./top/")
    make_zip(tmp_path / "tree.zip")
    inner = io.BytesIO()
    make_zip(inner, "top level/")
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.writestr("read me", b"")
        archive.writestr("inner.zip", inner.getvalue())
    for name in ("folder", "tree.tar.gz", "tree.zip", "outer.zip"):
        assert list(read_tree(tmp_path / name, TEXT).items()) == EXPECTED, name


def test_two_files_with_one_key_are_refused(tmp_path):
    make_folder(tmp_path)
    make_folder(tmp_path / "copy")
    with pytest.raises(DataCorrupt, match=r"holds [ab]/\w+.txt twice"):
        read_tree(tmp_path, TEXT)


@pytest.mark.parametrize("name", ["tree.tar.gz", "tree.zip"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9])
def test_a_truncated_archive_is_named(tmp_path, name, kept):
    path = tmp_path / name
    (make_zip if name.endswith("zip") else make_tar)(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(DataCorrupt, match=re.escape(str(path))):
        read_tree(path, TEXT)


def test_a_failed_download_says_where_to_put_the_files(tmp_path):
    with (
        pytest.raises(
            DataMissing, match=f"cannot download mnist from https://x: no route. Put the files into {tmp_path}"
        ),
        downloading("mnist", "https://x", tmp_path),
    ):
        raise OSError("no route")
