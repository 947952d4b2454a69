import pytest

from pruneproof.errors import BadTensor
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
