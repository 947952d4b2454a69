"""Finding, reading and downloading the files of a data set, and the messages when that fails."""

import gzip
import io
import lzma
import re
import socket
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import IO

from pruneproof.api import DataCorrupt, DataMissing, opened, read_bytes


def missing(data_set: str, folder: Path, expected: str, remedy: str) -> DataMissing:
    """Return the refusal to load `data_set` because `expected` is not in `folder`.

    >>> print(missing("mnist", Path("data"), "MNIST/raw/", "Run `repro data fetch mnist`."))
    data set "mnist" is not in data: MNIST/raw/ was expected there. Run `repro data fetch mnist`.
    """
    return DataMissing(f'data set "{data_set}" is not in {folder}: {expected} was expected there. {remedy}')


def fetch_advice(data_set: str) -> str:
    """Return what to do about missing files that can be downloaded."""
    return f"Run `repro data fetch {data_set}`, or name the folder that holds them with --data-dir."


SILENCE = 60.0
"""Seconds without a byte after which a download counts as failed."""


@contextmanager
def downloading(data_set: str, url: str, folder: Path) -> Iterator[None]:
    """Turn any failure to download or to write into one `DataMissing` that says how to go on by hand."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)  # urllib waits without end where nothing says otherwise
    try:
        yield
    except (OSError, RuntimeError, HTTPException) as error:
        reason = " ".join(str(error).split())
        advice = f"Put the files into {folder} yourself and pass --data-dir."
        raise DataMissing(f"cannot download {data_set} from {url}: {reason}. {advice}") from error
    finally:
        socket.setdefaulttimeout(before)


def read_tree(path: Path, pattern: re.Pattern[str]) -> dict[str, bytes]:
    """Return the files of a folder, a `.tar.gz` or a `.zip` (also inside another `.zip`), without unpacking to disk.

    Only files whose relative path `pattern` finds are read; the pattern's first group becomes the key. Keys are sorted.

    Raises:
        DataCorrupt: the archive is truncated, encrypted or of another format, holds a link in place of a file, or two
            files have the same key.
    """
    if path.is_dir():
        read = _folder(path, pattern)
    elif path.suffix == ".zip":
        read = _zip_file(path, pattern)
    else:
        read = _tar(path, pattern)
    found: dict[str, bytes] = {}
    size = 0
    try:
        for key, content in read:
            if key in found:
                raise DataCorrupt(f"{path} holds {key} twice. Keep one of the two.")
            found[key] = content
            size += len(content)
            if size > MOST_OF_ALL:
                raise ValueError(f"its files are larger than {MOST_OF_ALL} bytes together")
    except UNREADABLE as error:
        raise DataCorrupt(f"{path} cannot be read to its end: {error}. Replace it by a fresh copy.") from error
    return dict(sorted(found.items()))


MOST_OF_ONE, MOST_OF_ALL = 1 << 28, 1 << 32
"""Bytes of the largest file that is unpacked, and of all together: damaged archives may promise any number."""

UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    RuntimeError,  # encrypted, or packed in a way that this Python does not know
    OverflowError,
    MemoryError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""What Python's readers of archives and numbers raise on damaged files."""


def _folder(folder: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    for file in folder.rglob("*"):
        if (match := pattern.search(file.relative_to(folder).as_posix())) and file.is_file():
            yield match[1], read_bytes(file, most=MOST_OF_ONE)


def _tar(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with opened(path) as packed, gzip.open(packed) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            if not (match := pattern.search(member.name)) or member.isdir():
                continue
            if not member.isreg():
                raise ValueError(f"{member.name} is a link or a device, no file")
            content = archive.extractfile(member)
            assert content is not None  # a regular file has content
            yield match[1], _bounded(content, member.name, member.size)
        for _ in range(MOST_OF_ONE >> 20):  # to the very end, where gzip checks length and sum
            if not file.read(1 << 20):
                return
        raise ValueError("it goes on and on after its last file")


def _zip_file(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with opened(path) as file:
        yield from _zip(file, pattern, deeper=True)


def _zip(file: IO[bytes], pattern: re.Pattern[str], *, deeper: bool) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            is_inner = deeper and member.filename.endswith(".zip")
            match = None if is_inner else pattern.search(member.filename)
            if not is_inner and match is None:
                continue
            if stat.S_ISLNK(member.external_attr >> 16):
                raise ValueError(f"{member.filename} is a link, no file")
            if member.file_size > MOST_OF_ONE:
                raise ValueError(f"{member.filename} is larger than {MOST_OF_ONE} bytes")
            content = archive.read(member)
            if match is not None:
                yield match[1], content
            else:
                yield from _zip(io.BytesIO(content), pattern, deeper=False)


def _bounded(file: IO[bytes], name: str, size: int) -> bytes:
    if size > MOST_OF_ONE:
        raise ValueError(f"{name} is larger than {MOST_OF_ONE} bytes")
    content = file.read(size)
    if len(content) != size:
        raise EOFError(f"{name} ends early")
    return content
