"""How files of users and of the store are opened: once, only regular ones, and never more of them than was allowed."""

import errno
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

MOST_TEXT = 1 << 28
"""Bytes of the largest text file (JSON, TOML, CSV) that is read."""
_LARGEST_INTEGER = 2**64
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


@contextmanager
def opened(path: Path, *, inside: Path | None = None) -> Iterator[BinaryIO]:
    """Open a regular file to read its bytes; pipes, devices and folders are refused without waiting for them.

    Args:
        path: the file.
        inside: a folder (a store) below which no part of the path may be a link, for it could lead out.

    Raises:
        OSError: there is no such file, it is not a regular one, or it lies behind a link.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    if inside is not None:
        refuse_links(path, inside)
        flags |= getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"it is {in_words(mode)}; a regular file was expected", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_bytes(path: Path, *, inside: Path | None = None, most: int = MOST_TEXT) -> bytes:
    """Return the content of a regular file of at most `most` bytes.

    Raises:
        OSError: as `opened`; or the file is larger.
    """
    with opened(path, inside=inside) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(most + 1) if size <= most else b""
        if size > most or len(content) > most:
            raise OSError(errno.EFBIG, f"it is larger than {most} bytes", str(path))
        return content


def read_json(path: Path, *, inside: Path | None = None, most: int = MOST_TEXT) -> Any:
    """Return the value of a JSON file.

    Raises:
        OSError: as `read_bytes`.
        ValueError: as `parse_json`.
    """
    return parse_json(read_bytes(path, inside=inside, most=most))


def parse_json(content: bytes) -> Any:
    """Return the value of JSON text; NaN, infinite and overlong numbers are none, nor are halves of characters.

    >>> parse_json(b'{"a": [1, 0.5]}')
    {'a': [1, 0.5]}

    Raises:
        ValueError: it is not UTF-8 or not JSON, is nested too deeply, holds such a number or half, or a key twice.
    """
    try:
        value = json.loads(
            content, parse_int=_integer, parse_float=_float, parse_constant=_float, object_pairs_hook=_once
        )
        if _HALF.search(content):  # two of them may make one character
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def refuse_links(path: Path, inside: Path) -> None:
    """Refuse a path of which a part below `inside` is a symbolic link.

    Raises:
        OSError: there is one; the error names it.
    """
    place = inside
    for part in path.relative_to(inside).parts:
        place = place / part
        if place.is_symlink():
            raise OSError(errno.ELOOP, "it is a symbolic link, which could lead out of its folder", str(place))


def refuse_special(path: Path) -> None:
    """Refuse a place for a file where a pipe, a device, a folder or a socket is, which a file would replace.

    Raises:
        OSError: there is one.
    """
    with suppress(FileNotFoundError):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EEXIST, f"it is {in_words(mode)}; a regular file or nothing was expected", str(path))


def in_words(mode: int) -> str:
    """Return what lies at a path, by its mode.

    >>> in_words(os.stat(os.devnull).st_mode)
    'a device'
    """
    names = (
        (stat.S_ISREG, "a file"),
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
        (stat.S_ISSOCK, "a socket"),
    )
    return next((name for is_kind, name in names if is_kind(mode)), "something else")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON, whose keys must differ: which of two was meant cannot be known."""
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f'the key "{next(key for key in keys if keys.count(key) > 1)}" stands twice')
    return content


def _integer(text: str) -> int:
    value = int(text) if len(text) < 22 else _LARGEST_INTEGER + 1
    if abs(value) > _LARGEST_INTEGER:
        raise ValueError(f"the number {text[:20]}... is too large")
    return value


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is not finite")
    return value
