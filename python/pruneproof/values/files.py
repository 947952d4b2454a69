"""`replacing`: a file that is replaced whole, so that nobody ever reads a part of it; and `discard`."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE

from pruneproof.values.opening import refuse_special


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty draft beside `path` that takes its place in the end; who has the old file mapped keeps it.

    The file may be read by whom the umask says, whatever the library that writes the draft thinks of it. After an error
    the draft is gone, and `path` is as it was.

    Raises:
        OSError: `path` is no regular file, or the draft cannot be written.
    """
    refuse_special(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)  # nothing is written through what lies there already, such as a link
    try:
        draft.touch()
        mode = S_IMODE(draft.stat().st_mode)
        yield draft
        if S_IMODE(draft.stat().st_mode) != mode:  # safetensors puts a file of mode 0600 in the draft's place
            draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def discard(path: Path) -> None:
    """Delete what lies at a path, whatever it is; what a link leads to stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
