"""Where finished work and data sets lie, and how many processes work: as asked, or this machine's defaults."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path


def store_path(given: Path | str | None) -> Path:
    """Return the store's folder: as given, or in the user's cache."""
    return Path(given or user_cache_path("pruneproof") / "store").expanduser().resolve()


def data_path(given: Path | str | None) -> Path:
    """Return the folder of data sets: as given, or in the user's data folder."""
    return Path(given or user_data_path("pruneproof")).expanduser().resolve()


def default_workers(device: str, asked: int | None) -> int:
    """Return the number of worker processes: as asked, one on a GPU, otherwise one per usable core."""
    if asked:
        return asked
    if device != "cpu":
        import torch

        if torch.cuda.is_available():
            return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
