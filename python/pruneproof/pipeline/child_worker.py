"""`ChildWorker`: a worker in a process of its own, for what the process that asks cannot compute itself."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from pruneproof.contracts.executor import Worker, WorkerSpec, started_with
from pruneproof.errors import StageFailed


class ChildWorker:
    """Runs stages in a process that was started with a worker's environment; it ends with its parent."""

    def __init__(self, spec: WorkerSpec) -> None:
        """Start the process, which opens the worker."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(spec, theirs), daemon=True)
        with started_with(spec.environment):
            process.start()
        theirs.close()

    def run(self, stage: Any, on_epoch: Callable[[int, int], None] = lambda done, total: None) -> Any:
        """Run one stage there unless it is finished.

        Raises:
            StageFailed: the process died.
            PruneproofError: whatever the stage refused.
        """
        try:
            self._connection.send(stage)
            while True:
                what, content = self._connection.recv()
                if what == "progress":
                    on_epoch(*content)
                elif what == "raised":
                    raise content
                else:
                    return content
        except (EOFError, ConnectionError) as problem:
            raise StageFailed(
                "a worker process ended without an answer; the system may have stopped it for lack of memory. "
                "Finished stages and epochs are kept: run the same command again. A script calls `pruneproof.run` "
                'below the line `if __name__ == "__main__":`, since workers import it anew.'
            ) from problem


def _serve(spec: WorkerSpec, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    threading.Thread(target=_die_with_parent, daemon=True).start()
    worker: Worker | None = None
    with suppress(EOFError, ConnectionError):  # nobody asks any more
        while True:
            stage = connection.recv()
            try:
                worker = worker or spec.open()
                connection.send(("done", worker.run(stage, lambda *counts: connection.send(("progress", counts)))))
            except Exception as problem:  # the parent raises it
                connection.send(("raised", problem))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
