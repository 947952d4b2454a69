"""Runs stages on this machine: in this process, or in worker processes of one thread each.

One thread a process makes results the same on any number of cores, and small networks train fastest that way.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from typing import Any

from pruneproof.api import Event, Executor, OnEvent, StageFailed, Work, Worker, WorkerSpec, started_with

POLL_SECONDS = 0.1


def run_stages(stages: Sequence[Work], spec: WorkerSpec, *, workers: int, on_event: OnEvent) -> None:
    """Run stages, each after those of the list that it needs.

    Raises:
        StageFailed: a worker process died.
        PruneproofError: whatever a stage refused; finished stages are kept.
    """
    if workers == 1 or len(stages) <= 1:
        _run_here(stages, spec, on_event)
    else:
        _run_in_pool(stages, spec, min(workers, len(stages)), on_event)


def _run_here(stages: Sequence[Work], spec: WorkerSpec, on_event: OnEvent) -> None:
    if not stages:
        return
    worker = spec.open()
    for stage in stages:
        _run_one(worker, stage, on_event)


def _run_one(worker: Worker, stage: Work, on_event: OnEvent) -> None:
    digest = stage.digest
    on_event(Event("start", digest))
    worker.run(stage, lambda done, total: on_event(Event("progress", digest, done, total)))
    on_event(Event("finish", digest))


def _run_in_pool(stages: Sequence[Work], spec: WorkerSpec, workers: int, on_event: OnEvent) -> None:
    context = multiprocessing.get_context("spawn")
    events: Any = context.SimpleQueue()
    pending = {stage.digest: stage for stage in stages}
    running: dict[Future[None], str] = {}
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(spec, events))
    try:
        while pending or running:
            unfinished = {*pending, *running.values()}
            ready = [digest for digest, stage in pending.items() if unfinished.isdisjoint(stage.upstream.values())]
            for digest in ready[: workers - len(running)]:
                with started_with(spec.environment):
                    running[pool.submit(_work, pending.pop(digest))] = digest
            done, _ = wait(running, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            while not events.empty():
                on_event(events.get())
            for future in done:
                digest = running.pop(future)
                future.result()
        while not events.empty():
            on_event(events.get())
    except BrokenProcessPool as problem:
        raise StageFailed(
            "a worker process ended without an answer; the system may have stopped it for lack of memory. Finished "
            "stages and epochs are kept: run the same command again, with fewer --workers if memory is short. A script "
            'calls `pruneproof.run` below the line `if __name__ == "__main__":`, since workers import it anew.'
        ) from problem
    finally:
        _stop(pool)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once; what they had finished is in the store."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


_worker: Worker | None = None
_events: Any = None


def _start_worker(spec: WorkerSpec, events: Any) -> None:
    global _worker, _events
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _worker, _events = spec.open(), events


def _die_with_parent() -> None:
    """End this worker when its parent is gone, so that a killed run leaves no process behind."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _work(stage: Work) -> None:
    assert _worker is not None
    _run_one(_worker, stage, _events.put)


LOCAL = Executor("local", run_stages, "This machine: in this process, or in worker processes of one thread each.")
