"""Files that appear whole, all together, or not at all."""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pruneproof.errors import BadOption, StoreUnwritable


def check_targets(targets: Sequence[Path], originals: Sequence[Path], *, force: bool) -> None:
    """Check, before any work, that the targets may be written.

    Raises:
        BadOption: a target is an original, a folder or a device, the same as another, or exists and `force` is not set;
            or there is no folder for it.
    """
    for target in targets:
        if target.is_dir():
            raise BadOption(f"{target} is a folder; the name of a file to write was expected.")
        if target.exists() and not target.is_file():
            raise BadOption(f"{target} is a pipe or a device; the name of a file to write was expected.")
        if target.exists() and any(target.samefile(original) for original in originals):
            raise BadOption(f"{target} is the checkpoint itself, which is never altered. Write to another file.")
        if target.exists() and not force:
            raise BadOption(f"{target} exists. Write to another file, or replace it with --force.")
        if not target.parent.is_dir():
            raise BadOption(f"there is no folder {target.parent} to write {target.name} to. Make it first.")
    places = [target.parent.resolve() / target.name for target in targets]
    twice = [target for target, place in zip(targets, places, strict=True) if places.count(place) > 1]
    if twice:
        raise BadOption(f"{twice[0]} would be written twice. Name different files.")


@contextmanager
def drafts(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield a draft's path beside each target; once all are written they take the targets' places.

    However this ends, no draft is left. The last target is put in place last.

    Raises:
        StoreUnwritable: the disk is full, or the folder cannot be written.
    """
    waiting = [target.with_name(f".{target.name}.{secrets.token_hex(4)}.draft") for target in targets]
    try:
        yield waiting
        for draft, target in zip(waiting, targets, strict=True):
            draft.replace(target)
        for folder in {target.parent for target in targets}:
            _sync(folder)
    except OSError as problem:
        raise StoreUnwritable(
            f"{targets[0]} cannot be written: {problem}. Nothing that was there is lost."
        ) from problem
    finally:
        for draft in waiting:
            draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Bring renames to the disk."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
