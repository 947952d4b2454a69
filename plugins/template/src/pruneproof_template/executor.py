"""An executor: everything in this process, one stage after the other."""

from collections.abc import Iterable, Sequence

from pruneproof.api import Event, Executor, OnEvent, Work, WorkerSpec, hookimpl

pruneproof_api = 2
"""The version of the plugin API that this module was written for."""


def template_executor(stages: Sequence[Work], spec: WorkerSpec, *, workers: int, on_event: OnEvent) -> None:
    """Run the stages in their order, each after those that it needs.

    Args:
        stages: what is to be run. They can be pickled, and so can `spec`.
        spec: opens a worker, here or in another process or on another machine that sees the same store.
        workers: how many at a time; here always one.
        on_event: hears, in the calling process, of every start, progress and finish.
    """
    worker = spec.open()
    for stage in stages:

        def tell(done: int, total: int, digest: str = stage.digest) -> None:
            on_event(Event("progress", digest, done, total))

        on_event(Event("start", stage.digest))
        worker.run(stage, tell)
        on_event(Event("finish", stage.digest))


TEMPLATE_EXECUTOR = Executor(
    id="template-executor",
    run=template_executor,
    about="In this process, one stage after the other.",
)


@hookimpl
def pruneproof_executors() -> Iterable[Executor]:
    """Register the executor."""
    return [TEMPLATE_EXECUTOR]
