import json
import os
from dataclasses import replace

import pytest
import torch

from pruneproof.errors import DataCorrupt, StoreCorrupt, StoreUnwritable
from pruneproof.pipeline.prepare import prepare
from pruneproof.pipeline.store import Store
from pruneproof.pipeline.worker_spec import WorkerSpec
from pruneproof.training.checkpoint import load_tensors
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet


@pytest.fixture
def made(replay, ask):
    """Run part of the tiny paper once: patterns -> (cell, its finished stages by kind, in order)."""

    def run(*only, **changes):
        record = replay(only=only, seeds=(0,), **changes)
        store, kinds = Store(ask().store), {stage.digest: stage.kind for stage in record.stages}
        found = []
        for cell in record.cells:
            stages = {}
            for digest in cell.stages:
                stages.setdefault(kinds[digest], []).append(store.expect(whole(store, digest)))
            found.append((cell, stages))
        return found

    return run


def whole(store, digest):
    """Return the digest of a stage in a store of which a record keeps the beginning."""
    [folder] = (store.root / "stages" / digest[:2]).glob(f"{digest}*")
    return folder.name


def tensors(finished):
    return load_tensors(finished.file("weights.safetensors"))[0]


def mask(finished):
    return MaskSet.load(finished.file("mask.safetensors"))


@pytest.mark.parametrize("only", ["mlp/global", "mlp/uniform", "mlp/gradual", "mlp/imp", "fresh/synflow"])
def test_every_way_to_prune_leaves_exactly_the_count_and_dead_weights_at_zero(made, only):
    for cell, stages in made(only):
        masks = mask((stages["train"] if only == "mlp/gradual" else stages["prune"])[-1])
        assert masks.size() == 64 * 300 + 300 * 100 + 100 * 10
        assert masks.count() == keep_count(masks.size(), cell.sparsity)
        end = cell.measured["end"]
        assert end["densities"] == pytest.approx({name: masks.density(name) for name in masks})
        if "macs-pruned" in end:
            assert end["macs-pruned"] == pytest.approx(cell.sparsity, abs=1e-4)  # an MLP uses each weight once
        weights = tensors(stages["train"][-1])
        assert all(weights[name][~masks[name]].count_nonzero() == 0 for name in masks)


def test_uniform_scope_prunes_every_tensor_alike(made):
    for cell, _ in made("mlp/uniform"):
        for density in cell.measured["end"]["densities"].values():
            assert density == pytest.approx(1 - cell.sparsity, abs=1e-3)


def test_a_selection_tells_what_was_selected(made):
    [(_, stages), _] = made("mlp/global")
    [prune] = stages["prune"]
    found, masks = prune.json("selection.json"), mask(prune)
    assert float(found.pop("threshold")) == masks.threshold
    assert found == {
        "sparsity": 0.9,
        "alive": {name: masks.count(name) for name in masks},
        "digest": masks.digest(),
    }


def test_global_magnitude_keeps_the_largest_weights_of_the_dense_network(made):
    [(_, stages), _] = made("mlp/global")
    masks, weights = mask(stages["prune"][0]), tensors(stages["train"][0])
    dead = max(weights[name].abs()[~masks[name]].max() for name in masks)
    kept = min(weights[name].abs()[masks[name]].min() for name in masks)
    assert dead <= kept


def test_iterative_masks_are_nested(made):
    [(_, stages)] = made("mlp/imp")
    first, second = map(mask, stages["prune"])
    assert second.is_subset_of(first)
    assert first.count() == keep_count(first.size(), 0.7)


def test_each_round_starts_from_the_rewound_weights(made):
    [(_, stages)] = made("mlp/imp", settings=("mlp.recipe.retrain.epochs=0",))
    early, _, *retrained = map(tensors, stages["train"])
    for masks, weights in zip(map(mask, stages["prune"]), retrained, strict=True):
        assert all(torch.equal(weights[name], early[name] * masks[name]) for name in masks)


def test_epochs_count_everything_from_initialisation_on(made):
    spent = {cell.method: cell.measured["end"]["epochs"] for cell, _ in made("*", settings=EPOCHS)}
    assert spent == {"dense": 3, "global": 5, "uniform": 5, "gradual": 2, "imp": 8, "synflow": 1}


EPOCHS = (
    'mlp.measure.dense=["epochs"]',
    'mlp.measure.pruned=["epochs"]',
    'mlp.measure.end=["epochs"]',
    'fresh.measure.end=["epochs"]',
)


def test_a_history_has_an_entry_for_every_epoch(made):
    [(cell, stages)] = made("mlp/dense")
    history = stages["train"][0].json("history.json")
    assert len(history["loss"]) == 3
    assert history["watched"]["accuracy"][-1] == cell.measured["end"]["accuracy"]


def test_a_diverged_network_is_recorded_and_is_no_error(made):
    settings = ("mlp.recipe.dense.lr=1e30", 'mlp.measure.dense=["accuracy", "diverged", "last-epoch-loss"]')
    [(cell, stages)] = made("mlp/dense", settings=settings)
    assert cell.measured["end"]["diverged"] is True
    assert cell.measured["end"]["last-epoch-loss"] is None
    json.dumps(cell.measured, allow_nan=False)
    assert stages["train"][0].json("history.json")["diverged"] is True


def test_a_retraining_that_diverges_leaves_the_other_networks_alone(made):
    settings = (
        "mlp.methods.global.retrain.lr=1e30",
        "mlp.sparsities=[0.9]",
        'mlp.measure.end=["diverged", "densities"]',
    )
    found = {cell.method: cell.measured["end"] for cell, _ in made("mlp/global", "mlp/uniform", settings=settings)}
    assert found["global"]["diverged"] is True
    assert found["uniform"]["diverged"] is False


@pytest.fixture
def dense(ask):
    prepared = prepare(ask(only=("mlp/dense",), seeds=(0,)), fetch=False)
    store = Store(ask().store)
    store.prepare()
    worker = WorkerSpec(prepared.paper.info.plugins, ask().store, ask().data).open()
    return worker, list(prepared.plan.stages.values())


def test_a_finished_stage_is_not_run_again(dense):
    worker, [init, *_] = dense
    first = worker.run(init)
    stamp = (first.folder / "weights.safetensors").stat().st_mtime_ns
    assert worker.run(init) == first
    assert (first.folder / "weights.safetensors").stat().st_mtime_ns == stamp


def test_a_stage_without_its_upstream_says_so(dense):
    worker, [init, training, _] = dense
    with pytest.raises(StoreCorrupt, match=init.digest):
        worker.run(training)


def test_data_that_changed_since_the_plan_is_refused(dense):
    worker, [init, *_] = dense
    changed = replace(init, inputs={**init.inputs, "data": {"id": "digits", "fingerprint": "0" * 64}})
    with pytest.raises(DataCorrupt, match="changed while"):
        worker.run(changed)


def test_progress_is_told_epoch_by_epoch(dense):
    worker, [init, training, _] = dense
    worker.run(init)
    told = []
    worker.run(training, lambda *each: told.append(each))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("damage", ["half", "folder", "pipe", "link"])
def test_a_damaged_checkpoint_of_partial_work_is_deleted_by_name_and_the_training_starts_again(
    dense, tmp_path, caplog, damage
):
    worker, [init, training, _] = dense
    worker.run(init)
    partial = worker.store.root / "partial" / training.digest
    partial.mkdir()
    path = partial / "epoch.safetensors"
    if damage == "half":
        path.write_bytes(b"half")
    elif damage == "folder":
        (path / "deep").mkdir(parents=True)
    elif damage == "pipe":
        os.mkfifo(path)
    else:
        (tmp_path / "elsewhere").write_bytes(b"precious")
        path.symlink_to(tmp_path / "elsewhere")
    told = []
    worker.run(training, lambda *each: told.append(each))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert f"checkpoint {path} is damaged" in caplog.text
    if damage == "link":
        assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_work_is_not_written_through_a_link_that_leads_out_of_the_store(dense, tmp_path):
    worker, [init, training, _] = dense
    worker.run(init)
    (tmp_path / "elsewhere").mkdir()
    (worker.store.root / "partial" / training.digest).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnwritable, match="symbolic link"):
        worker.run(training)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_an_altered_upstream_output_is_refused(dense):
    worker, [init, training, _] = dense
    path = worker.run(init).folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=str(path)):
        worker.run(training)
