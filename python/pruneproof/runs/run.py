"""`run`: replay a paper from Python."""

import os
from collections.abc import Sequence
from pathlib import Path

from pruneproof.errors import BadOption
from pruneproof.pipeline.prepare import Request
from pruneproof.runs.places import data_path, default_workers, store_path
from pruneproof.runs.record_view import RecordView
from pruneproof.runs.replay import replay


def run(
    paper: str,
    profile: str = "mini",
    *,
    only: str | Sequence[str] = (),
    seeds: int | Sequence[int] | None = None,
    settings: str | Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    device: str = "auto",
    numerics: str | None = None,
    workers: int | None = None,
    store: str | Path | None = None,
    data: str | Path | None = None,
    progress: bool = True,
) -> RecordView:
    """Replay a paper's pinned experiments as `repro run` does, and return the record with its verdicts.

    What is finished is kept in the store and not run again. Workers are processes that import the main module anew: a
    script calls this below `if __name__ == "__main__":`, a notebook anywhere.

    Args:
        paper: id or arXiv number.
        profile: how large the experiments are.
        only: runs, methods (`run/method`) or mechanism claims; all where empty.
        seeds: how many, or which; those of the profile where None.
        settings: `run.key=value`, or `key=value` for twins of the paper's methods: a variant, without verdicts.
        plugins: names of installed plugins that the paper does not name, and paths of plugins that are files.
        device: `auto`, `cpu` or `cuda`.
        numerics: a numerics class in place of the profile's.
        workers: processes; one per core where None, one on a GPU.
        store: where finished work is kept; `PRUNEPROOF_STORE`, or the user's cache, where None.
        data: where data sets lie; `PRUNEPROOF_DATA`, or the user's data folder, where None.
        progress: show on standard error how far it is.

    Raises:
        PruneproofError: anything wrong with names, configs, plugins or data, or that a stage refused; what was
            finished is kept.
    """
    request = Request(
        paper=paper,
        profile=profile,
        store=store_path(store or os.environ.get("PRUNEPROOF_STORE")),
        data=data_path(data or os.environ.get("PRUNEPROOF_DATA")),
        seeds=None if seeds is None else _seeds(seeds),
        device=device,
        numerics=numerics,
        only=_several(only),
        settings=_several(settings),
        added=tuple(each for each in plugins if isinstance(each, str)),
        files=tuple(each for each in plugins if isinstance(each, Path)),
        workers=default_workers(device, workers),
    )
    found = replay(request, quiet=not progress)
    return RecordView(found.record, found.paper, found.files)


def _several(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _seeds(given: int | Sequence[int]) -> tuple[int, ...]:
    """Return seeds: the first few for a number, or those that are named.

    >>> _seeds(3), _seeds([4, 7])
    ((0, 1, 2), (4, 7))

    Raises:
        BadOption: none at all, a negative one, or one twice.
    """
    seeds = tuple(range(given)) if isinstance(given, int) else tuple(given)
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise BadOption(
            f"seeds={given!r} is not understood. Give a number of seeds (5) or different seeds ([0, 1, 7])."
        )
    return seeds
