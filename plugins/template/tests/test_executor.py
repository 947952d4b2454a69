"""The executor runs every stage in order and tells of it."""

from dataclasses import dataclass, field

from pruneproof_template.executor import template_executor


@dataclass
class Stage:
    digest: str
    label: str = ""
    upstream: dict = field(default_factory=dict)


class Worker:
    """Its own specification too: it notes what it ran."""

    def __init__(self):
        self.ran = []

    def open(self):
        return self

    def run(self, stage, on_epoch):
        self.ran.append(stage.digest)
        on_epoch(1, 2)


def test_stages_run_in_order_and_each_is_told_of():
    worker, told = Worker(), []
    template_executor([Stage("a"), Stage("b", upstream={"weights": "a"})], worker, workers=1, on_event=told.append)
    assert worker.ran == ["a", "b"]
    kinds = ("start", "progress", "finish")
    assert [(event.digest, event.kind) for event in told] == [(digest, kind) for digest in "ab" for kind in kinds]
    assert {(event.done, event.total) for event in told if event.kind == "progress"} == {(1, 2)}
