"""The build: maturin's, with `papers/` and `plugins/template/` copied into the package while a wheel is made.

Maturin takes files of the package from the package's own folder only, and a link would be a text file on Windows. So
the copies are there while a wheel is built, and nowhere else: a checkout, and an editable install of it, read the
folders at their own places (`pruneproof/registry/shipped.py`). `python build_backend.py maturin build ...` runs a
command with them.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import maturin
from maturin import (
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ROOT = Path(__file__).parent
PACKAGE = ROOT / "python" / "pruneproof"
COPIES = {ROOT / "papers": PACKAGE / "_papers", ROOT / "plugins" / "template": PACKAGE / "_template"}


@contextmanager
def copies() -> Iterator[None]:
    """Have the folders that travel with the package inside it for a while."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", ".*")
    try:
        for source, target in COPIES.items():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=ignored)
        yield
    finally:
        for target in COPIES.values():
            shutil.rmtree(target, ignore_errors=True)


def build_wheel(directory: str, settings: Any = None, metadata: str | None = None) -> str:
    """Build a wheel with the copies inside."""
    with copies():
        return maturin.build_wheel(directory, settings, metadata)


if __name__ == "__main__":
    with copies():
        sys.exit(subprocess.run(sys.argv[1:], cwd=ROOT, check=False).returncode)
