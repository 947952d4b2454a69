"""Finding, reading and downloading the files of a data set, and the messages when that fails."""

import gzip
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import IO

from pruneproof.api import DataCorrupt, DataMissing


def missing(data_set: str, folder: Path, expected: str, remedy: str) -> DataMissing:
    """Return the refusal to load `data_set` because `expected` is not in `folder`.

    >>> print(missing("mnist", Path("data"), "MNIST/raw/", "Run `repro data fetch mnist`."))
    data set "mnist" is not in data: MNIST/raw/ was expected there. Run `repro data fetch mnist`.
    """
    return DataMissing(f'data set "{data_set}" is not in {folder}: {expected} was expected there. {remedy}')


def fetch_advice(data_set: str) -> str:
    """Return what to do about missing files that can be downloaded."""
    return f"Run `repro data fetch {data_set}`, or name the folder that holds them with --data-dir."


@contextmanager
def downloading(data_set: str, url: str, folder: Path) -> Iterator[None]:
    """Turn any failure to download or to write into one `DataMissing` that says how to go on by hand."""
    try:
        yield
    except (OSError, RuntimeError, HTTPException) as error:
        reason = " ".join(str(error).split())
        advice = f"Put the files into {folder} yourself and pass --data-dir."
        raise DataMissing(f"cannot download {data_set} from {url}: {reason}. {advice}") from error


def read_tree(path: Path, pattern: re.Pattern[str]) -> dict[str, bytes]:
    """Return the files of a folder, a `.tar.gz` or a `.zip` (also inside another `.zip`), without unpacking to disk.

    Only files whose relative path `pattern` finds are read; the pattern's first group becomes the key. Keys are sorted.

    Raises:
        DataCorrupt: the archive is truncated or of another format, or two files have the same key.
    """
    if path.is_dir():
        read = _folder(path, pattern)
    elif path.suffix == ".zip":
        read = _zip(path, pattern)
    else:
        read = _tar(path, pattern)
    found: dict[str, bytes] = {}
    try:
        for key, content in read:
            if key in found:
                raise DataCorrupt(f"{path} holds {key} twice. Keep one of the two.")
            found[key] = content
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error) as error:
        raise DataCorrupt(f"{path} cannot be read to its end: {error}. Replace it by a fresh copy.") from error
    return dict(sorted(found.items()))


def _folder(folder: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    for file in folder.rglob("*"):
        if (match := pattern.search(file.relative_to(folder).as_posix())) and file.is_file():
            yield match[1], file.read_bytes()


def _tar(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with gzip.open(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            if (match := pattern.search(member.name)) and (content := archive.extractfile(member)) is not None:
                yield match[1], content.read()
        while file.read(2**20):  # to the very end, where gzip checks length and sum
            pass


def _zip(file: Path | IO[bytes], pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name.endswith(".zip"):
                yield from _zip(io.BytesIO(archive.read(name)), pattern)
            elif match := pattern.search(name):
                yield match[1], archive.read(name)
