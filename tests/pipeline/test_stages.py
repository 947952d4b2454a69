import json
from dataclasses import replace

import pytest
import torch

from pruneproof.errors import DataCorrupt, StoreCorrupt
from pruneproof.pipeline.executors.local import WorkerSpec
from pruneproof.pipeline.run import prepare
from pruneproof.pipeline.store import Store
from pruneproof.training.checkpoint import load_tensors
from pruneproof.units import keep_count
from pruneproof.values.masks import MaskSet
from pruneproof.values.measurements import Measurement


@pytest.fixture
def made(replay, ask):
    """Run part of the tiny paper once: patterns -> (plan, what each stage of the one cell made)."""

    def run(*only, **changes):
        record = replay(only=only, seeds=(0,), **changes)
        store = Store(ask().store)
        return [(cell, [store.expect(digest) for digest in cell.stages]) for cell in record.cells]

    return run


def tensors(finished):
    return load_tensors(finished.file("weights.safetensors"))[0]


def mask(finished):
    return MaskSet.load(finished.file("mask.safetensors"))


@pytest.mark.parametrize("only", ["mlp/global", "mlp/uniform", "mlp/gradual", "mlp/imp", "fresh/synflow"])
def test_every_way_to_prune_leaves_exactly_the_count_and_dead_weights_at_zero(made, only):
    for cell, stages in made(only):
        measured = Measurement.from_json(cell.measurement)
        masks = mask(stages[-1] if only == "mlp/gradual" else stages[-2])
        assert measured.weights == masks.size() == 64 * 300 + 300 * 100 + 100 * 10
        assert measured.alive == masks.count() == keep_count(measured.weights, cell.sparsity)
        assert measured.densities == pytest.approx({name: masks.density(name) for name in masks})
        assert measured.macs_pruned == pytest.approx(cell.sparsity, abs=1e-4)  # each weight of an MLP is used once
        weights = tensors(stages[-1])
        assert all(weights[name][~masks[name]].count_nonzero() == 0 for name in masks)


def test_uniform_scope_prunes_every_tensor_alike(made):
    for cell, _ in made("mlp/uniform"):
        for density in cell.measurement["densities"].values():
            assert density == pytest.approx(1 - cell.sparsity, abs=1e-3)


def test_a_selection_tells_what_was_selected(made):
    [(_, stages), _] = made("mlp/global")
    found = stages[-2].json("selection.json")
    masks = mask(stages[-2])
    assert float(found.pop("threshold")) == masks.threshold
    assert found == {
        "sparsity": 0.9,
        "alive": {name: masks.count(name) for name in masks},
        "digest": masks.digest(),
    }


def test_global_magnitude_keeps_the_largest_weights_of_the_dense_network(made):
    [(_, (_, dense, prune, _)), _] = made("mlp/global")
    masks, weights = mask(prune), tensors(dense)
    dead = max(weights[name].abs()[~masks[name]].max() for name in masks)
    kept = min(weights[name].abs()[masks[name]].min() for name in masks)
    assert dead <= kept


def test_iterative_masks_are_nested_and_start_from_the_rewound_weights(made):
    [(_, (_, _, first, _, second, _))] = made("mlp/imp")
    assert mask(second).is_subset_of(mask(first))
    assert mask(first).count() == keep_count(mask(first).size(), 0.7)


def test_rewinding_to_initialisation_retrains_the_initial_survivors(made):
    settings = ("mlp.arms.global.rewind=init", "mlp.retrain.epochs=0", "mlp.sparsities=[0.9]")
    [(_, (init, dense, prune, final))] = made("mlp/global", settings=settings)
    masks, start, end = mask(prune), tensors(init), tensors(final)
    assert any(not torch.equal(start[name], tensors(dense)[name]) for name in masks)
    for name in masks:
        assert torch.equal(end[name], start[name] * masks[name])


def test_early_weights_are_those_of_the_dense_training_at_that_epoch(made, ask):
    settings = ("mlp.arms.imp.rewind_epochs=3", "mlp.retrain.epochs=0")
    [(_, (_, dense, _, _, prune, final))] = made("mlp/imp", settings=settings)
    masks, start, end = mask(prune), tensors(dense), tensors(final)
    for name in masks:  # three epochs are the whole dense training here
        assert torch.equal(end[name], start[name] * masks[name])


def test_epochs_count_everything_from_initialisation_on(made):
    spent = {cell.method: cell.measurement["epochs"] for cell, _ in made("*")}
    assert spent == {"dense": 3, "global": 5, "uniform": 5, "gradual": 2, "imp": 7, "synflow": 1}


def test_only_pruned_networks_have_an_accuracy_before_retraining(made):
    before = {cell.method: cell.measurement["accuracy_before"] for cell, _ in made("*")}
    assert before["dense"] is None
    assert before["gradual"] is None
    assert 0.0 <= before["global"] <= 100.0


def test_a_history_has_an_entry_for_every_epoch(made):
    [(cell, (_, dense))] = made("mlp/dense")
    history = dense.json("history.json")
    assert len(history["loss"]) == len(history["accuracy"]) == 3
    assert history["accuracy"][-1] == cell.measurement["accuracy"]
    assert max(history["accuracy"]) == cell.measurement["accuracy_best"]


def test_a_diverged_network_is_recorded_and_is_no_error(made):
    settings = ("mlp.dense.lr=1e30",)
    [(cell, (_, dense))] = made("mlp/dense", settings=settings)
    assert cell.measurement["diverged"] is True
    assert cell.measurement["loss"] is None
    json.dumps(cell.measurement, allow_nan=False)
    assert dense.json("history.json")["diverged"] is True


def test_a_retraining_that_diverges_leaves_the_other_networks_alone(made):
    settings = ("mlp.arms.global.retrain.lr=1e30", "mlp.sparsities=[0.9]")
    found = {cell.method: cell.measurement for cell, _ in made("mlp/global", "mlp/uniform", settings=settings)}
    assert found["global"]["diverged"] is True
    assert found["global"]["alive"] == found["uniform"]["alive"]
    assert found["uniform"]["diverged"] is False


@pytest.fixture
def workshop(ask):
    prepared = prepare(ask(only=("mlp/dense",), seeds=(0,)), fetch=False)
    store = Store(ask().store)
    store.prepare()
    return WorkerSpec(prepared.paper.info.plugins, ask().store, ask().data).open(), list(prepared.plan.stages.values())


def test_a_finished_stage_is_not_run_again(workshop):
    shop, [init, _] = workshop
    first = shop.run(init)
    stamp = (first.folder / "weights.safetensors").stat().st_mtime_ns
    assert shop.run(init) == first
    assert (first.folder / "weights.safetensors").stat().st_mtime_ns == stamp


def test_a_stage_without_its_upstream_says_so(workshop):
    shop, [init, dense] = workshop
    with pytest.raises(StoreCorrupt, match=init.digest):
        shop.run(dense)


def test_data_that_changed_since_the_plan_is_refused(workshop):
    shop, [init, _] = workshop
    changed = replace(init, inputs={**init.inputs, "data": {"id": "digits", "fingerprint": "0" * 64}})
    with pytest.raises(DataCorrupt, match="changed while"):
        shop.run(changed)


def test_progress_is_told_epoch_by_epoch(workshop):
    shop, [init, dense] = workshop
    shop.run(init)
    told = []
    shop.run(dense, lambda *each: told.append(each))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_damaged_checkpoint_of_partial_work_is_refused_by_name(workshop):
    shop, [init, dense] = workshop
    shop.run(init)
    partial = shop.store.root / "partial" / dense.digest
    partial.mkdir()
    (partial / "epoch.safetensors").write_bytes(b"half")
    with pytest.raises(StoreCorrupt, match=str(partial)):
        shop.run(dense)


def test_an_altered_upstream_output_is_refused(workshop):
    shop, [init, dense] = workshop
    path = shop.run(init).folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=str(path)):
        shop.run(dense)
