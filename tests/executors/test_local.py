import os
from importlib import import_module

import pytest

from pruneproof.errors import BadConfig, BadTensor, StageFailed
from pruneproof.executors.local import run_stages
from pruneproof.pipeline.prepare import prepare
from pruneproof.pipeline.worker_spec import WorkerSpec


@pytest.mark.slow
def test_any_number_of_workers_makes_the_same_bits(replay, ask, outputs, tmp_path):
    alone = replay(seeds=(0,), store=tmp_path / "one", workers=1)
    pooled = replay(seeds=(0,), store=tmp_path / "two", workers=2)
    assert outputs(tmp_path / "one") == outputs(tmp_path / "two")
    assert [stage.outputs for stage in alone.stages] == [stage.outputs for stage in pooled.stages]
    started = [event.digest for event in replay.events if event.kind == "start"]
    finished = [event.digest for event in replay.events if event.kind == "finish"]
    plan = prepare(ask(seeds=(0,)), fetch=False).plan
    assert sorted(started) == sorted(finished) == sorted(plan.stages)
    for digest, stage in plan.stages.items():
        for needed in stage.upstream.values():
            assert finished.index(needed) < finished.index(digest)
    assert any(event.kind == "progress" for event in replay.events)


REFUSES = """
    from pruneproof.api import Mechanism, hookimpl
    from pruneproof.errors import BadTensor

    def refuse():
        raise BadTensor("the mechanism was asked for nonsense")

    @hookimpl
    def pruneproof_mechanisms():
        return [Mechanism("refuse", refuse, "refuses")]
"""


@pytest.mark.slow
def test_a_refusal_in_a_worker_reaches_the_caller_as_it_is(install, tiny, replay):
    install("refusing", REFUSES)
    for name, old, new in (
        ("claims.toml", '{ id = "adds-up", left = 2 }', '"refuse"'),
        ("paper.toml", '"tiny-paper"]', '"tiny-paper", "refusing"]'),
    ):
        (tiny / name).write_text((tiny / name).read_text().replace(old, new))
    with pytest.raises(BadTensor, match="asked for nonsense"):
        replay(seeds=(0,), only=("mlp/dense", "arithmetic"), workers=2)


def test_nothing_to_do_starts_nothing(tmp_path):
    run_stages([], WorkerSpec(("no-such-plugin",), tmp_path, tmp_path), workers=4, on_event=pytest.fail)


# By the contract of executors alone: work that is no stage of a paper


WORK = """
    import os
    import time
    from dataclasses import dataclass, field
    from pathlib import Path

    from pruneproof.api import BadConfig


    @dataclass(frozen=True)
    class Task:
        digest: str
        upstream: dict = field(default_factory=dict)
        does: str = "writes"

        @property
        def label(self):
            return self.digest


    @dataclass(frozen=True)
    class Spec:
        folder: Path
        environment: dict = field(default_factory=dict)

        def open(self):
            return Runner(self.folder)


    @dataclass(frozen=True)
    class Runner:
        folder: Path

        def run(self, stage, on_epoch=lambda done, total: None):
            missing = [each for each in stage.upstream.values() if not (self.folder / each).exists()]
            assert not missing, missing
            if stage.does == "dies":
                os._exit(9)
            if stage.does == "refuses":
                raise BadConfig(f"{stage.digest} is nonsense")
            on_epoch(1, 2)
            time.sleep(0.01)
            on_epoch(2, 2)
            (self.folder / stage.digest).write_text(str(os.getpid()))
"""


@pytest.fixture
def tasks(install):
    """Return the module of the work above, which processes can import."""
    install("tasks", WORK)
    return import_module("stranger_tasks")


def run(tasks, folder, stages, workers):
    events = []
    run_stages(stages, tasks.Spec(folder), workers=workers, on_event=events.append)
    return events


@pytest.mark.parametrize("workers", [1, 2])
def test_each_piece_of_work_follows_what_it_needs_and_is_heard_of(tasks, tmp_path, workers):
    done = tmp_path / "done"
    done.mkdir()
    stages = [
        tasks.Task("a"),
        tasks.Task("b"),
        tasks.Task("c", {"x": "a", "y": "b"}),
        tasks.Task("d", {"x": "c"}),
    ]
    events = run(tasks, done, stages, workers)
    assert sorted(path.name for path in done.iterdir()) == ["a", "b", "c", "d"]
    for digest in "abcd":
        heard = [(event.kind, event.done, event.total) for event in events if event.digest == digest]
        assert heard == [("start", 0, 0), ("progress", 1, 2), ("progress", 2, 2), ("finish", 0, 0)]
    here = {path.read_text() == str(os.getpid()) for path in done.iterdir()}
    assert here == {workers == 1}


def test_one_piece_of_work_needs_no_other_process(tasks, tmp_path):
    run(tasks, tmp_path, [tasks.Task("alone")], workers=8)
    assert (tmp_path / "alone").read_text() == str(os.getpid())


def test_what_is_in_the_store_already_is_not_waited_for(tasks, tmp_path):
    (tmp_path / "before").write_text("")
    run(tasks, tmp_path, [tasks.Task("a", {"x": "before"}), tasks.Task("b", {"x": "a"})], workers=2)
    assert (tmp_path / "b").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_refusal_ends_the_run_and_keeps_what_is_done(tasks, tmp_path, workers):
    stages = [tasks.Task("a"), tasks.Task("b", {"x": "a"}, "refuses"), tasks.Task("c", {"x": "b"})]
    with pytest.raises(BadConfig, match="b is nonsense"):
        run(tasks, tmp_path, stages, workers)
    assert (tmp_path / "a").exists()
    assert not (tmp_path / "c").exists()


def test_a_process_that_dies_is_said_to_have_died(tasks, tmp_path):
    with pytest.raises(StageFailed, match=r"a worker process ended without an answer.*fewer --workers"):
        run(tasks, tmp_path, [tasks.Task("a", does="dies"), tasks.Task("b", does="dies")], workers=2)
