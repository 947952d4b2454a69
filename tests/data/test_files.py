import gzip
import io
import os
import re
import tarfile
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def zipped(path, change):
    """Write the zip and change its bytes: the flags, methods and versions of members stand at known places."""
    make_zip(path)
    content = bytearray(path.read_bytes())
    at = -1
    while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
        change(content, at, int.from_bytes(content[at + 42 : at + 46], "little"))
    path.write_bytes(content)


def encrypt(content, at, local):
    content[at + 8] |= 1
    content[local + 6] |= 1


def unknown_method(content, at, local):
    content[at + 10] = content[local + 8] = 77


def unknown_version(content, at, local):
    content[at + 6] = content[local + 4] = 99


def huge(content, at, local):
    content[at + 24 : at + 28] = content[local + 22 : local + 26] = (2**32 - 2).to_bytes(4, "little")


def link(content, at, local):
    content[at + 38 : at + 42] = (0o120777 << 16).to_bytes(4, "little")


@pytest.mark.parametrize("change", [encrypt, unknown_method, unknown_version, huge, link])
def test_a_zip_that_cannot_be_unpacked_is_named(tmp_path, change):
    zipped(tmp_path / "tree.zip", change)
    with pytest.raises(DataCorrupt, match=r"tree\.zip cannot be read"):
        read_tree(tmp_path / "tree.zip", TEXT)


def test_zips_are_followed_one_deep(tmp_path):
    inner = io.BytesIO()
    make_zip(inner)
    for _ in range(3):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as archive:
            archive.writestr("inner.zip", inner.getvalue())
        inner = outer
    (tmp_path / "tree.zip").write_bytes(inner.getvalue())
    assert read_tree(tmp_path / "tree.zip", TEXT) == {}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_tar_member_that_is_no_file_is_named(tmp_path, kind):
    path = tmp_path / "tree.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("a/one.txt")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(DataCorrupt, match=r"a/one\.txt is a link or a device"):
        read_tree(path, TEXT)


@pytest.mark.parametrize("name", ["tree.tar.gz", "tree.zip"])
def test_a_pipe_in_place_of_an_archive_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataCorrupt, match="a pipe"):
        read_tree(tmp_path / name, TEXT)


DAMAGE = st.lists(
    st.tuples(st.sampled_from(["change", "cut", "insert"]), st.integers(0, 2**16), st.binary(min_size=1, max_size=8)),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("name", ["tree.tar.gz", "tree.zip", "outer.zip"])
@given(damage=DAMAGE)
def test_whatever_an_archive_holds_is_read_or_refused(tmp_path_factory, name, damage):
    path = tmp_path_factory.getbasetemp() / name
    make_tar(path) if name.endswith("gz") else make_zip(path)
    if name == "outer.zip":
        inner = path.read_bytes()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inner.zip", inner)
    content = gzip.decompress(path.read_bytes()) if name.endswith("gz") else path.read_bytes()
    content = damaged(content, damage)
    path.write_bytes(gzip.compress(content, 1) if name.endswith("gz") else content)  # below the checksum
    with suppress(DataCorrupt):
        read_tree(path, TEXT)


def damaged(content, damage):
    content = bytearray(content)
    for kind, at, new in damage:
        at %= len(content) + 1
        content[at : at + {"change": len(new), "cut": 64 * len(new), "insert": 0}[kind]] = b"" if kind == "cut" else new
    return bytes(content)
