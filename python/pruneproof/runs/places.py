"""Where finished work and data sets lie, and how many processes work: as asked, or this machine's defaults."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

from pruneproof.errors import BadOption

WORKER_BYTES = 1_500_000_000
"""Memory that a worker process is counted with: torch and a small data set take about 1 GB."""


def store_path(given: Path | str | None) -> Path:
    """Return the store's folder: as given, or in the user's cache.

    Raises:
        BadOption: it cannot be a path, or no home folder is known.
    """
    return _absolute(given, lambda: user_cache_path("pruneproof") / "store", "--store", "PRUNEPROOF_STORE")


def data_path(given: Path | str | None) -> Path:
    """Return the folder of data sets: as given, or in the user's data folder.

    Raises:
        BadOption: it cannot be a path, or no home folder is known.
    """
    return _absolute(given, lambda: user_data_path("pruneproof"), "--data-dir", "PRUNEPROOF_DATA")


def _absolute(given: Path | str | None, default: Callable[[], Path], option: str, variable: str) -> Path:
    try:
        return Path(given or default()).expanduser().resolve()
    except (RuntimeError, ValueError, OSError) as problem:  # no or nobody's home, a loop of links, NUL
        what = f"{given} cannot be made an absolute path" if given else "there is no place by default"
        raise BadOption(f"{what}: {problem}. Name another folder with {option} or {variable}.") from problem


def default_workers(device: str, asked: int | None) -> int:
    """Return the number of worker processes: as asked, one on a GPU, otherwise as many as cores and memory allow."""
    if asked:
        return asked
    if device != "cpu":
        import torch

        if torch.cuda.is_available():
            return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = _free_memory()
    return cores if free is None else max(1, min(cores, free // WORKER_BYTES))


def _free_memory() -> int | None:
    """Return how many bytes of memory can be had without swapping; None where the system does not tell."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else 1024 * int(found[1])
