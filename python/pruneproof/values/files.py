"""`replacing`: a file that is replaced whole, so that nobody ever reads a part of it; and `discard`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a draft beside `path` that takes its place in the end; who has the old file mapped into memory keeps it.

    After an error the draft is gone, and `path` is as it was.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)  # nothing is written through what lies there already, such as a link
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def discard(path: Path) -> None:
    """Delete what lies at a path, whatever it is; what a link leads to stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
