"""The training loop: reproducible, resumable, and true to its masks."""

import math
from itertools import count

import numpy as np
import pytest
import torch
from torch import nn

from pruneproof.contracts.recipe import Recipe
from pruneproof.data.digits import load_digits
from pruneproof.errors import BadConfig, BadTensor, MaskBreach, StoreCorrupt
from pruneproof.regularizers.l1 import L1
from pruneproof.training.evaluate import evaluate
from pruneproof.training.penalties import RegularizerPenalty
from pruneproof.training.train import Course, make_optimizer, train
from pruneproof.training.updates import ScheduledUpdate
from pruneproof.updates.rigl import RIGL
from pruneproof.updates.set import SET
from pruneproof.values.masks import MaskSet

PLAIN = Recipe(epochs=3, batch=256, lr=0.1, momentum=0.9)
NAMES = ("1.weight", "5.weight")


@pytest.fixture(scope="module")
def data():
    return load_digits(None)


def network(seed=0):
    """A network with buffers and dropout, so that every stream and every kind of state matters."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 10)
    )


def half(model, seed=0):
    """Masks that leave about half of each weight matrix."""
    draw = np.random.default_rng(seed)
    shapes = {name: tuple(each.shape) for name, each in model.named_parameters() if each.dim() == 2}
    return MaskSet.from_arrays({name: draw.random(shape) < 0.5 for name, shape in shapes.items()})


def run(data, recipe=PLAIN, *, model=None, masks=None, checkpoint=None, on_epoch=lambda done, total: None, **course):
    model = network() if model is None else model
    plain = {"rate": lambda progress: recipe.lr, "seed": 0, "phase": "dense"}
    if "penalised" in course:
        course = {"penalties": [RegularizerPenalty(L1, {"factor": 0.01}, model, NAMES, None)]}
    saved = {"checkpoint": checkpoint, "save_seconds": 0.0}
    return train(model, data, recipe, Course(**plain | course), masks=masks, on_epoch=on_epoch, **saved)


def same(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


def accuracy_of(trained, data, split="test"):
    model = network()
    model.load_state_dict(trained.state)
    return evaluate(model, data, split).accuracy


class Accuracy:
    """A watcher that evaluates at the end of each epoch."""

    def __init__(self, model, data):
        self.model, self.data = model, data

    def resume(self, done, masks):
        pass

    def step(self, step, loss, lr, masks):
        pass

    def epoch(self, loss, masks, explored):
        return {"accuracy": evaluate(self.model, self.data).accuracy}


def test_the_loss_falls_and_the_network_learns_the_digits(data):
    trained = run(data, PLAIN.model_copy(update={"epochs": 8}))
    assert trained.history.loss[-1] < 0.3 * trained.history.loss[0]
    assert accuracy_of(trained, data) > 90.0
    assert not trained.history.diverged


def test_training_is_the_same_to_the_bit_each_time(data):
    first, again = run(data), run(data)
    assert same(first.state, again.state)
    assert first.history == again.history


def test_the_global_generator_neither_matters_nor_moves(data):
    first = run(data)
    model = network()
    torch.manual_seed(12345)
    before = torch.get_rng_state()
    again = run(data, model=model)
    assert same(first.state, again.state)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("change", [{"seed": 1}, {"phase": "retrain"}])
def test_seed_and_phase_draw_other_orders(data, change):
    assert not same(run(data).state, run(data, **change).state)


def test_stopping_early_gives_the_first_epochs_of_the_whole(data):
    whole, part = run(data), run(data, stop=2)
    assert part.history.loss == whole.history.loss[:2]
    assert not same(whole.state, part.state)


def test_a_training_in_two_parts_that_keeps_its_optimizer_is_one_training(data):
    whole, first = run(data), run(data, stop=2)
    model = network()
    model.load_state_dict(first.state)
    second = run(data, model=model, start=2, optimizer=first.optimizer)
    assert same(second.state, whole.state)
    assert first.history.loss + second.history.loss == whole.history.loss
    model.load_state_dict(first.state)
    assert not same(run(data, model=model, start=2).state, whole.state)


def test_what_is_watched_stands_in_the_history_epoch_by_epoch(data):
    model = network()
    trained = run(data, model=model, watcher=Accuracy(model, data))
    assert trained.history.watched["accuracy"][-1] == accuracy_of(trained, data)
    assert len(trained.history.watched["accuracy"]) == 3


class Killed(Exception):
    pass


def gradual(epoch, masks):
    """Prune more at the start of every epoch, by the magnitude of nothing but the mask: the same in every run."""
    fraction = 0.2 * (epoch + 1)
    model = network()
    draw = np.random.default_rng(7)
    ranks = {name: draw.random(tuple(each.shape)) for name, each in model.named_parameters() if each.dim() == 2}
    return MaskSet.from_arrays({name: rank >= fraction for name, rank in ranks.items()}, threshold=fraction)


def moving(update, every=2, **options):
    return ScheduledUpdate(update, options, NAMES, 0, every)


CASES = {
    "plain": (PLAIN, {}),
    "momentum-free": (PLAIN.model_copy(update={"momentum": 0.0}), {}),
    "masks": (PLAIN, {"masks": half(network())}),
    "adam": (PLAIN.model_copy(update={"optimizer": "adam", "lr": 0.01}), {}),
    "adamw-masks": (
        PLAIN.model_copy(update={"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1}),
        {"masks": half(network())},
    ),
    "gradual": (PLAIN, {"prune_at": gradual}),
    "moving": (PLAIN, {"masks": half(network()), "updates": [moving(RIGL), moving(SET, every=3)]}),
    "moving-adam": (
        PLAIN.model_copy(update={"optimizer": "adam", "lr": 0.01}),
        {"masks": half(network()), "updates": [moving(RIGL)]},
    ),
    "penalised": (PLAIN, {"penalised": True}),
    "validation": (PLAIN.model_copy(update={"validation": 0.25, "lr": 2.0}), {}),
    "augmented": (PLAIN.model_copy(update={"augment": ("pad-crop-4",), "clip": 1.0, "label_smoothing": 0.1}), {}),
    "schedules": (PLAIN.model_copy(update={"lr_update": "step"}), {"rate": lambda progress: 0.1 / (1 + progress)}),
}


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_after_any_epoch_resumes_to_the_same_bits(data, tmp_path, case, stop):
    recipe, arguments = CASES[case]
    whole = run(data, recipe, **arguments)

    def kill(done, total):
        if done == stop:
            raise Killed

    checkpoint = tmp_path / "epoch.safetensors"
    with pytest.raises(Killed):
        run(data, recipe, checkpoint=checkpoint, on_epoch=kill, **arguments)
    told = []
    resumed = run(data, recipe, checkpoint=checkpoint, on_epoch=lambda *each: told.append(each), **arguments)
    assert told == [(done, 3) for done in range(stop, 4)]
    assert same(resumed.state, whole.state)
    assert resumed.history == whole.history
    assert resumed.masks == whole.masks
    assert getattr(resumed.masks, "threshold", None) == getattr(whole.masks, "threshold", None)


def test_a_checkpoint_of_another_network_is_refused(data, tmp_path):
    checkpoint = tmp_path / "epoch.safetensors"
    run(data, checkpoint=checkpoint)
    with pytest.raises(StoreCorrupt, match=r"epoch\.safetensors does not fit"):
        run(data, model=nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), checkpoint=checkpoint)


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 0.3), ("adam", 0.01), ("adamw", 0.01)])
def test_dead_weights_stay_dead_and_the_rest_learns(data, optimizer, lr):
    recipe = Recipe(epochs=3, batch=128, lr=lr, optimizer=optimizer, weight_decay=0.01, clip=1.0)
    masks = half(network())
    trained = run(data, recipe, masks=masks)
    for name in masks:
        assert trained.state[name][~masks[name]].count_nonzero() == 0
        assert trained.state[name][masks[name]].count_nonzero() == masks.count(name)
    assert accuracy_of(trained, data) > 60.0


def test_the_masks_of_gradual_pruning_are_those_of_the_last_step(data):
    trained = run(data, prune_at=gradual)
    assert trained.masks == gradual(2, None)
    for name in trained.masks:
        assert trained.state[name][~trained.masks[name]].count_nonzero() == 0


def test_pruning_is_asked_before_every_epoch_with_the_masks_so_far(data):
    asked = []

    def prune_at(epoch, masks):
        asked.append((epoch, masks))
        return gradual(epoch, masks) if epoch == 1 else None

    run(data, prune_at=prune_at)
    assert asked == [(0, None), (1, None), (2, gradual(1, None))]


def test_a_parameter_swapped_behind_the_masker_is_a_breach_that_names_the_step(data):
    model, masks = network(), half(network())
    steps = count()

    def swap(module, inputs):
        if model.training and next(steps) == 7:
            module.weight = nn.Parameter(torch.ones_like(module.weight))

    model[1].register_forward_pre_hook(swap)
    with pytest.raises(MaskBreach, match=r'alive after step 7: .* of "1\.weight"'):
        run(data, model=model, masks=masks, watcher=Accuracy(model, data))


def test_a_hook_that_revives_weights_in_evaluation_is_a_breach(data):
    model, masks = network(), half(network())

    def revive(module, inputs):
        if not model.training:
            module.weight.data.fill_(1.0)

    model[5].register_forward_pre_hook(revive)
    with pytest.raises(MaskBreach, match=r'"5\.weight"'):
        run(data, model=model, masks=masks, watcher=Accuracy(model, data))


def test_masks_of_another_network_are_refused(data):
    with pytest.raises(BadTensor, match="another model"):
        run(data, masks=MaskSet.dense({"7.weight": (3, 3)}))


def test_a_diverged_run_is_recorded_and_stops(data):
    trained = run(data, PLAIN.model_copy(update={"lr": 1e30, "epochs": 5}))
    assert trained.history.diverged
    assert trained.history.loss[-1] is None
    assert len(trained.history.loss) < 5


def test_a_diverged_network_keeps_its_last_finite_weights(data):
    trained = run(data, PLAIN.model_copy(update={"lr": 1e30, "epochs": 5}))
    assert all(tensor.isfinite().all() for tensor in trained.state.values())


def test_a_diverged_run_that_resumes_stays_diverged(data, tmp_path):
    checkpoint = tmp_path / "epoch.safetensors"
    recipe = PLAIN.model_copy(update={"lr": 1e30})
    first = run(data, recipe, checkpoint=checkpoint)
    again = run(data, recipe, checkpoint=checkpoint)
    assert again.history == first.history


VALIDATED = PLAIN.model_copy(update={"validation": 0.25, "lr": 3.0, "epochs": 6})


def test_the_epoch_with_the_best_validation_accuracy_is_kept(data):
    trained = run(data, VALIDATED)
    scores = trained.history.validation
    best = scores.index(max(scores))
    assert best < 5, "the recipe must make the last epoch a worse one"
    assert same(trained.state, run(data, VALIDATED, stop=best + 1).state)


def test_validation_samples_are_not_trained_on(data):
    with_all, without = run(data), run(data, PLAIN.model_copy(update={"validation": 0.25}))
    assert not same(with_all.state, without.state)
    assert len(without.history.validation) == 3
    assert with_all.history.validation == []


@pytest.mark.parametrize("recipe", [PLAIN, VALIDATED])
def test_the_test_set_never_picks_an_epoch(data, recipe):
    inputs, labels = data.splits["test"]
    other = data._with({**data.splits, "test": (inputs, (labels + 1) % 10)}, torch.device("cpu"))
    model, twin = network(), network()
    first = run(data, recipe, model=model, watcher=Accuracy(model, data))
    second = run(other, recipe, model=twin, watcher=Accuracy(twin, other))
    assert first.history.watched != second.history.watched
    assert same(first.state, second.state)


def test_rates_by_step_change_within_an_epoch_and_rates_by_epoch_do_not(data):
    by_step = PLAIN.model_copy(update={"lr_update": "step"})
    seen = {"epoch": rates(data, PLAIN), "step": rates(data, by_step)}
    assert len(set(seen["epoch"])) == 3
    assert len(set(seen["step"])) == len(seen["step"]) == 3 * math.ceil(1198 / 256)
    assert seen["step"] == sorted(seen["step"], reverse=True)


def rates(data, recipe):
    """Return the learning rate of every step that the optimizer takes."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    seen = []
    handle = register_optimizer_step_post_hook(lambda optimizer, *_: seen.append(optimizer.param_groups[0]["lr"]))
    try:
        run(data, recipe, rate=lambda progress: 0.1 / (1 + progress))
    finally:
        handle.remove()
    return seen


def test_a_mask_that_moves_needs_a_mask_to_begin_with(data):
    with pytest.raises(BadConfig, match="Prune before"):
        run(data, updates=[moving(RIGL)])


def test_a_penalty_changes_the_weights_and_not_the_loss_that_is_reported(data):
    plain, penalised = run(data), run(data, penalised=True)
    size = {
        name: sum(float(each.state[key].abs().sum()) for key in NAMES)
        for name, each in {"plain": plain, "penalised": penalised}.items()
    }
    assert size["penalised"] < 0.9 * size["plain"]
    assert penalised.history.loss[0] < plain.history.loss[0] + 0.5  # 0.01 Σ|w| alone would be above 1


@pytest.mark.parametrize(
    ("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_the_recipe_names_the_optimizer_and_its_decay(name, kind):
    optimizer = make_optimizer(network(), Recipe(epochs=1, batch=1, lr=0.2, optimizer=name, weight_decay=0.3))
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["lr"] == 0.2
    assert optimizer.param_groups[0]["weight_decay"] == 0.3


def test_a_last_batch_of_one_sample_is_left_out(data):
    # 1198 = 3 x 399 + 1; batch normalisation has no statistics of one sample
    assert math.isfinite(run(data, PLAIN.model_copy(update={"batch": 399})).history.loss[-1])


def test_no_epochs_leave_the_network_as_it_was(data):
    trained = run(data, PLAIN.model_copy(update={"epochs": 0}))
    assert same(trained.state, network().state_dict())
    assert trained.history.loss == []
