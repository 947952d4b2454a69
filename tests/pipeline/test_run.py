import errno
import os
import resource
from contextlib import contextmanager

import pytest

from pruneproof.contracts.criterion import Criterion
from pruneproof.errors import DataMissing, DeviceMissing, NameClash, StoreCorrupt, StoreUnwritable, UnknownName
from pruneproof.papers.installed import open_paper
from pruneproof.papers.record import Record
from pruneproof.pipeline.compare import compare
from pruneproof.pipeline.prepare import prepare
from pruneproof.pipeline.run import report_folder, run_paper


def test_a_whole_run_answers_every_claim_and_measures_every_network(replay):
    record = replay()
    assert {claim.id: claim.verdict for claim in record.claims} == {
        "learns": "inconclusive",  # two seeds decide nothing
        "ordered": "inconclusive",
        "arithmetic": "holds",
        "table": "holds",
    }
    assert len(record.cells) == 15
    assert record.seeds == (0, 1, 5)
    assert {plugin.name: plugin.version for plugin in record.plugins}["tiny-paper"] == "2.5"
    assert record.environment["device"] == "cpu"
    assert set(record.data) == {"digits"}
    assert {digest for cell in record.cells for digest in cell.stages} <= {stage.digest for stage in record.stages}


def test_every_stage_is_announced_once_and_finishes(replay, ask):
    replay(seeds=(0,))
    started = [event.digest for event in replay.events if event.kind == "start"]
    finished = [event.digest for event in replay.events if event.kind == "finish"]
    assert started == finished == list(prepare(ask(seeds=(0,)), fetch=False).plan.stages)


def test_a_second_run_executes_no_stage_and_says_the_same(replay, ask, outputs):
    first = replay()
    before = {path: path.stat().st_mtime_ns for path in (ask().store / "stages").rglob("*")}
    second = replay()
    assert replay.events == []
    assert {path: path.stat().st_mtime_ns for path in (ask().store / "stages").rglob("*")} == before
    same = {"created", "seconds"}
    assert second.model_dump(exclude=same) == first.model_dump(exclude=same)


def test_a_finished_run_needs_no_writable_store(replay, ask):
    replay(seeds=(0,), only=("mlp/dense",))
    (ask().store / "partial").rmdir()
    (ask().store / "partial").write_text("in the way")
    assert replay(seeds=(0,), only=("mlp/dense",)).cells


def test_more_seeds_run_only_what_is_new(replay):
    replay(seeds=(0,), only=("mlp/dense",))
    replay(seeds=(0, 1), only=("mlp/dense",))
    assert len([event for event in replay.events if event.kind == "start"]) == 3


def test_a_deleted_stage_is_made_anew_to_the_same_bits(replay, ask, outputs):
    import shutil

    record = replay(seeds=(0,), only=("mlp/global",))
    before = outputs(ask().store)
    for victim in (record.cells[0].stages[1], *record.cells[0].stages[-2:]):
        [folder] = (ask().store / "stages" / victim[:2]).glob(f"{victim}*")
        shutil.rmtree(folder)
    replay(seeds=(0,), only=("mlp/global",))
    assert outputs(ask().store) == before


def test_a_variant_has_measurements_but_no_verdict(replay):
    record = replay(settings=("mlp.recipe.retrain.epochs=3",), seeds=(0,))
    assert record.variant == ("mlp.recipe.retrain.epochs=3",)
    assert record.claims == ()
    assert record.cells


def test_what_only_leaves_out_is_not_run_rather_than_judged(replay):
    verdicts = {claim.id: claim.verdict for claim in replay(only=("fresh",)).claims}
    assert verdicts == {"learns": "not-run", "ordered": "not-run", "arithmetic": "not-run", "table": "holds"}


def test_partial_and_changed_runs_never_overwrite_a_whole_one(replay, tmp_path):
    whole = tmp_path / "reports" / "tiny" / "mini"
    for change in (
        {"only": ("mlp/dense",)},
        {"settings": ("mlp.recipe.dense.epochs=1",), "only": ("mlp/dense",)},
        {"settings": ("mlp.about=another",)},
        {"seeds": (0,)},
    ):
        assert report_folder(tmp_path, replay(**change)) != whole
    assert report_folder(tmp_path, replay()) == whole


def test_a_record_survives_the_disk(replay, tmp_path):
    record = replay(only=("mlp/dense", "arithmetic"))
    record.save(tmp_path / "record.json")
    assert Record.load(tmp_path / "record.json") == record


def test_a_re_execution_agrees_and_an_edited_digest_is_found(replay, tmp_path):
    arguments = {"only": ("mlp/global", "arithmetic"), "seeds": (0,)}
    record, again = replay(**arguments), replay(store=tmp_path / "elsewhere", **arguments)
    tried = {stage.digest for stage in record.stages}
    found = compare(record.stages, again.stages, tried)
    assert found.digests == sum(len(stage.outputs) for stage in record.stages)
    assert found.differences == ()
    assert sum(counts["identical"] for counts in found.kinds.values()) == len(record.stages)
    stages = list(record.stages)
    [number] = [index for index, stage in enumerate(stages) if stage.kind == "mechanism"]
    stages[number] = stages[number].model_copy(update={"outputs": {"facts.json": "0" * 32}})
    found = compare(stages, again.stages, tried)
    assert [(each.stage, each.output, each.recorded) for each in found.differences] == [
        (stages[number].label, "facts.json", "0" * 32)
    ]
    assert found.kinds["mechanism"] == {"identical": 0, "different": 1, "could not run": 0, "not compared": 0}


def test_a_stage_that_was_not_made_again_could_not_run_or_was_not_asked_for(replay):
    [stage] = replay(only=("arithmetic",)).stages
    for tried, outcome in (({stage.digest}, "could not run"), ((), "not compared")):
        found = compare([stage], [], tried)
        assert (found.digests, found.differences, found.kinds["mechanism"][outcome]) == (0, (), 1)


def test_an_output_that_was_not_made_again_is_a_difference(replay):
    [stage] = replay(only=("arithmetic",)).stages
    found = compare([stage], [stage.model_copy(update={"outputs": {}})], {stage.digest})
    assert [each.found for each in found.differences] == ["not made"]


def test_planning_touches_nothing(ask):
    prepared = prepare(ask(), fetch=False)
    assert prepared.todo == tuple(prepared.plan.stages)
    assert not ask().store.exists()


def test_data_that_is_missing_is_listed_when_planning_and_refused_when_running(ask, tmp_path):
    with_mnist = {"settings": ("mlp.data=mnist",), "only": ("mlp/dense",)}
    prepared = prepare(ask(**with_mnist), fetch=False)
    assert "repro data fetch mnist" in prepared.missing["mnist"]
    assert prepared.plan.stages


def test_data_that_nobody_can_fetch_is_missing(ask):
    with pytest.raises(DataMissing, match="imagenet"):
        prepare(ask(settings=("mlp.data=imagenet", "mlp.model=resnet-18")), fetch=True)


def test_a_plugin_with_a_paper_of_the_same_id_cannot_slip_in(install, tiny, ask):
    install(
        "aaa-thief",
        "from pathlib import Path\nfrom pruneproof.api import hookimpl\n"
        f"@hookimpl\ndef pruneproof_papers():\n    return [Path({str(tiny.parent / 'copy')!r})]\n",
    )
    import shutil

    shutil.copytree(tiny, tiny.parent / "copy")
    with pytest.raises(NameClash) as caught:
        open_paper("tiny")
    assert str(tiny) in str(caught.value)
    assert str(tiny.parent / "copy") in str(caught.value)


def test_a_paper_loads_only_the_plugins_that_it_names(install, ask):
    install(
        "meddler",
        """
        from pruneproof.api import Criterion, Source, hookimpl

        def magnitude(weights):
            raise SystemExit("meddled")

        @hookimpl
        def pruneproof_criteria():
            return [Criterion("magnitude", magnitude, Source("A. Meddler", 2021, "Mine"))]
        """,
    )
    prepared = prepare(ask(), fetch=False)
    assert [plugin.name for plugin in prepared.catalog.plugins] == ["builtin", "tiny-paper"]
    assert prepared.catalog.entry(Criterion, "magnitude").plugin.name == "builtin"


def test_a_broken_plugin_does_not_stop_other_papers(install, replay):
    install("broken", "raise ValueError('no good')")
    assert replay(only=("arithmetic",)).claims


@pytest.mark.parametrize("change", [{"paper": "tinny"}, {"profile": "full"}, {"only": ("nothing",)}])
def test_an_unknown_name_is_refused_before_anything_is_made(ask, change):
    with pytest.raises(UnknownName):
        prepare(ask(**change), fetch=False)
    assert not ask().store.exists()


def test_a_gpu_that_is_not_there_is_refused(ask):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceMissing, match="--device cpu"):
        prepare(ask(device="cuda"), fetch=False)


def test_an_altered_measurement_in_the_store_is_corrupt(replay, ask):
    record = replay(only=("mlp/dense",), seeds=(0,))
    digest = record.cells[0].stages[-1]
    [path] = (ask().store / "stages" / digest[:2]).glob(f"{digest}*/measurement.json")
    path.write_text(path.read_text().replace('"accuracy": ', '"accuracy": 1'))
    with pytest.raises(StoreCorrupt, match=str(path)):
        replay(only=("mlp/dense",), seeds=(0,))


@contextmanager
def largest_file(size):
    """Let this process write no file beyond `size` bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [1_000, 5_000, 50_000])
def test_a_disk_that_fills_up_loses_nothing_and_the_run_goes_on_later(replay, ask, outputs, tmp_path, size):
    arguments = {"only": ("mlp/global",), "seeds": (0,)}
    replay(store=tmp_path / "undisturbed", **arguments)
    replay(only=("mlp/dense",), seeds=(0,))
    before = outputs(ask().store)
    with largest_file(size), pytest.raises(StoreUnwritable, match="disk is full") as caught:
        replay(**arguments)
    assert str(ask().store) in str(caught.value)
    assert outputs(ask().store).items() >= before.items()
    replay(**arguments)
    assert outputs(ask().store) == outputs(tmp_path / "undisturbed")


def test_a_read_only_store_is_refused_before_any_work(ask, tmp_path):
    (tmp_path / "file").write_text("in the way")
    prepared = prepare(ask(store=tmp_path / "file" / "store"), fetch=False)
    with pytest.raises(StoreUnwritable) as caught:
        run_paper(prepared, lambda event: pytest.fail("a stage was started"))
    assert os.strerror(errno.ENOTDIR) in str(caught.value)
