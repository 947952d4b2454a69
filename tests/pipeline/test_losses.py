"""Runs that measure losses, hold out validation samples, and score on one batch or on fresh ones."""

import pytest
import torch

from pruneproof.pipeline.run import prepare
from pruneproof.pipeline.stages import WEIGHTS
from pruneproof.pipeline.store import Store
from pruneproof.training.checkpoint import load_tensors
from pruneproof.values.masks import MaskSet
from pruneproof.values.measurements import OPTIONAL, Measurement

SCORED = (
    "mlp.arms.global.criterion=linear-model",
    "mlp.arms.global.schedule=exponential",
    "mlp.arms.global.samples=40",
    "mlp.dense.epochs=2",
    "mlp.retrain.epochs=0",
)


@pytest.fixture
def measured(replay):
    """Run the global arm of the tiny paper with settings: the record's one pruned cell at 90% and its measurement."""

    def run(*settings):
        record = replay(only=("mlp/global",), seeds=(0,), settings=settings)
        [cell] = [each for each in record.cells if each.sparsity == 0.9]
        return cell, Measurement.from_json(cell.measurement)

    return run


def mask_of(ask, cell):
    return MaskSet.load(Store(ask().store).expect(cell.stages[-2]).file("mask.safetensors"))


def test_losses_are_those_of_the_networks_before_and_after_pruning_and_at_the_end(measured, ask):
    cell, found = measured("mlp.losses=true")
    store = Store(ask().store)
    site = prepare(ask(), fetch=False)
    data = site.catalog.dataset("digits").load(ask().data)
    network = site.catalog.model("lenet-300-100").build(data.shape, data.classes).eval()
    [(x, y)] = list(data.batches("train", 5000))
    [(test_x, test_y)] = list(data.batches("test", 5000))

    def loss():
        with torch.no_grad():
            return torch.nn.functional.cross_entropy(network(x), y).item()

    dense = load_tensors(store.expect(cell.stages[1]).file(WEIGHTS))[0]
    network.load_state_dict(dense)
    assert found.loss_dense == pytest.approx(loss(), rel=1e-5)
    with torch.no_grad():
        accuracy = 100 * (network(test_x).argmax(1) == test_y).double().mean().item()
    assert found.accuracy_dense == pytest.approx(accuracy)
    masks = mask_of(ask, cell)
    network.load_state_dict({name: each * masks[name] if name in masks else each for name, each in dense.items()})
    assert found.loss_pruned == pytest.approx(loss(), rel=1e-5)
    network.load_state_dict(load_tensors(store.expect(cell.stages[-1]).file(WEIGHTS))[0])
    assert found.loss_retrained == pytest.approx(loss(), rel=1e-5)


def test_dense_networks_are_shared_with_runs_that_ask_for_no_losses(measured):
    plain, without = measured()
    cell, _ = measured("mlp.losses=true")
    assert cell.stages[:3] == plain.stages[:3]
    assert cell.stages[3] != plain.stages[3]
    assert not OPTIONAL & set(plain.measurement)
    assert without.loss_change is None


def test_steps_that_share_their_samples_choose_other_weights_than_fresh_ones(measured, ask):
    steps = "mlp.arms.global.steps=3"
    fresh = mask_of(ask, measured(*SCORED, steps)[0])
    again = mask_of(ask, measured(*SCORED, steps)[0])
    fixed = mask_of(ask, measured(*SCORED, steps, "mlp.arms.global.resample=false")[0])
    assert fresh == again
    assert fixed != fresh
    assert fixed.count() == fresh.count()


def test_one_step_is_scored_alike_with_and_without_resampling(measured, ask):
    fresh = mask_of(ask, measured(*SCORED)[0])
    assert mask_of(ask, measured(*SCORED, "mlp.arms.global.resample=false")[0]) == fresh


def test_samples_held_out_for_validation_are_not_scored_on(ask, replay, monkeypatch):
    """All training samples but the held-out ones are asked for, and no more are given."""
    from pruneproof.pipeline import stages

    seen = []
    plain = stages._scoring_batches
    monkeypatch.setattr(
        stages, "_scoring_batches", lambda data, *rest: seen.append(data.size("train")) or plain(data, *rest)
    )
    settings = (*SCORED, "mlp.dense.validation=0.25", "mlp.retrain.validation=0.25")
    replay(only=("mlp/global",), seeds=(0,), settings=settings, workers=1)
    assert set(seen) == {1198 - round(0.25 * 1198)}
