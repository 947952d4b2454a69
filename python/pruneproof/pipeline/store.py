"""The store: outputs of stages by digest, written atomically, safe for several processes.

<root>/stages/<first two digits>/<digest>/   manifest.json and the stage's files; appears whole or not at all
<root>/partial/<digest>/                     work in progress; survives a kill and is taken up again
<root>/locks/<digest>.lock                   held by the process that works on the stage; freed when it dies
<root>/reports/                              rendered reports and records
"""

import errno
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from safetensors import SafetensorError

from pruneproof.errors import StoreCorrupt, StoreUnwritable
from pruneproof.values.digests import digest_file
from pruneproof.values.files import discard
from pruneproof.values.opening import opened, read_json, refuse_links

MANIFEST = "manifest.json"


class _Manifest(BaseModel):
    """What `manifest.json` says of a stage."""

    model_config = ConfigDict(strict=True)

    outputs: dict[
        Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")],
        Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")],
    ]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    stage: dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """A finished stage: its folder, the digest of each output file, the seconds it took, and what it was."""

    folder: Path
    outputs: dict[str, str]
    seconds: float
    stage: dict[str, Any]
    """Kind, label, inputs and upstream."""

    def file(self, name: str) -> Path:
        """Return the path of an output after checking its digest.

        Raises:
            StoreCorrupt: the file is missing or was altered.
        """
        path = self.folder / name
        expected = self.outputs.get(name)
        try:
            with opened(path, inside=self.folder.parents[2]):  # refuses what is no regular file
                found = digest_file(path) if expected else "nothing"
        except OSError as problem:
            found = f"{problem.filename}: {problem.strerror}"
        if found != expected:
            raise StoreCorrupt(
                f"store file {path} is not what was written there (expected digest {expected}, found {found}). "
                f"Delete the folder {self.folder} and run again; only this stage and what needs it will run."
            )
        return path

    def json(self, name: str) -> Any:
        """Return a JSON output after checking its digest.

        Raises:
            StoreCorrupt: the file is missing, was altered or is not JSON.
        """
        path = self.file(name)
        try:
            return read_json(path, inside=self.folder.parents[2])
        except (OSError, ValueError) as problem:
            raise StoreCorrupt(
                f"store file {path} is no JSON ({problem}). Delete the folder {self.folder} and run again; only this "
                "stage and what needs it will run."
            ) from problem


class Store:
    """A folder of finished stages."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Create the store's folders and check that they can be written.

        Raises:
            StoreUnwritable: they cannot.
        """
        with self.writing():
            for name in ("stages", "partial", "locks", "reports"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
                refuse_links(self.root / name, self.root)
            with TemporaryFile(dir=self.root / "partial") as probe:
                probe.write(b"pruneproof")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn the system's refusals to write into one clear error."""
        try:
            yield
        except (OSError, SafetensorError) as problem:  # safetensors wraps the system's refusal, number and all
            found = re.search(r"os error (\d+)", str(problem))
            number = int(found[1]) if found else getattr(problem, "errno", None)
            cause = os.strerror(number) if number else str(problem)
            if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                cause = "the disk is full"
            elif isinstance(problem, OSError) and problem.filename:
                cause = f"{problem.filename}: {problem.strerror}"
            raise StoreUnwritable(
                f"the store {self.root} cannot be written: {cause}. Finished stages are kept. Free or grant space "
                "there, or choose another folder with --store, and run the same command again; it resumes."
            ) from problem

    def finished(self, digest: str) -> Finished | None:
        """Return a finished stage, None if there is none.

        Raises:
            StoreCorrupt: the entry has no readable manifest.
        """
        folder = self._folder(digest)
        if not folder.is_dir():
            return None
        manifest = self._manifest(folder)
        return Finished(folder, manifest.outputs, manifest.seconds, manifest.stage)

    def all_finished(self, digests: Iterable[str]) -> dict[str, Finished]:
        """Return those of the stages that are finished, in the order given.

        Raises:
            StoreCorrupt: an entry has no readable manifest.
        """
        return {digest: each for digest in digests if (each := self.finished(digest)) is not None}

    def stages(self) -> dict[str, dict[str, Any]]:
        """Return what every finished stage was (kind, label, inputs, upstream), by digest, the oldest first.

        Raises:
            StoreCorrupt: an entry has no readable manifest.
        """
        folders = sorted((self.root / "stages").glob("*/*/"), key=lambda folder: folder.stat().st_mtime_ns)
        return {folder.name: self._manifest(folder).stage for folder in folders}

    def check(self, digests: Iterable[str]) -> None:
        """Look at the manifests of those of the stages that are there; the first digits of a digest are enough.

        Raises:
            StoreCorrupt: an entry has no readable manifest.
        """
        for digest in filter(re.compile("[0-9a-f]{8,}").fullmatch, digests):
            for folder in (self.root / "stages" / digest[:2]).glob(f"{digest}*/"):
                self._manifest(folder)

    def expect(self, digest: str) -> Finished:
        """Return a finished stage that must be there."""
        found = self.finished(digest)
        if found is None:
            raise StoreCorrupt(
                f"the store {self.root} has lost stage {digest}. Run again; the stage will be made anew."
            )
        return found

    @contextmanager
    def claim(self, digest: str) -> Iterator[Path | None]:
        """Hold a stage's lock and yield its work folder, or None when another process has finished it meanwhile."""
        with self.writing():
            path = self.root / "locks" / f"{digest}.lock"
            refuse_links(path, self.root)
            if path.exists() and not path.is_file():
                raise OSError(errno.EINVAL, "it is no file, so it cannot be a lock; delete it", str(path))
            lock = FileLock(path)
            lock.acquire()
        try:
            if self.finished(digest) is not None:
                yield None
                return
            draft = self.root / "partial" / digest
            with self.writing():
                draft.mkdir(exist_ok=True)
                refuse_links(draft, self.root)
            yield draft
        finally:
            lock.release()

    def commit(self, digest: str, draft: Path, outputs: list[str], stage: dict[str, Any], seconds: float) -> Finished:
        """Publish a work folder as a finished stage; what is not an output is dropped."""
        with self.writing():
            for path in draft.iterdir():
                if path.name not in outputs:
                    discard(path)
            digests = {name: digest_file(draft / name) for name in outputs}
            seconds = round(seconds, 3)
            manifest = {"outputs": digests, "seconds": seconds, "stage": stage}
            (draft / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
            folder = self._folder(digest)
            folder.parent.mkdir(parents=True, exist_ok=True)
            draft.rename(folder)
        return Finished(folder, digests, seconds, stage)

    def _manifest(self, folder: Path) -> _Manifest:
        """Return what the manifest of an entry says.

        Raises:
            StoreCorrupt: it cannot be read, or says what no manifest says.
        """
        try:
            return _Manifest.model_validate(read_json(folder / MANIFEST, inside=self.root))
        except (OSError, ValueError) as problem:
            first = problem.errors()[0] if isinstance(problem, ValidationError) else None
            reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else problem
            raise StoreCorrupt(
                f"store entry {folder} has no readable {MANIFEST} ({reason}). Delete the folder and run again."
            ) from problem

    def _folder(self, digest: str) -> Path:
        return self.root / "stages" / digest[:2] / digest
