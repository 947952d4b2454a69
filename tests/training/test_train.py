import math
from itertools import count

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from pruneproof.contracts.recipe import Recipe
from pruneproof.data.digits import load_digits
from pruneproof.errors import BadTensor, MaskBreach, StoreCorrupt
from pruneproof.training.evaluate import evaluate
from pruneproof.training.train import learning_rate, make_optimizer, train
from pruneproof.values.masks import MaskSet

PLAIN = Recipe(epochs=3, batch=256, lr=0.1, momentum=0.9)


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


def run(data, recipe=PLAIN, **arguments):
    return train(network(), data, recipe, **{"seed": 0, "phase": "dense"} | arguments)


def same(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


def test_the_loss_falls_and_the_network_learns_the_digits(data):
    trained = run(data, PLAIN.model_copy(update={"epochs": 8}))
    assert trained.history.loss[-1] < 0.3 * trained.history.loss[0]
    assert trained.history.accuracy[-1] > 90.0
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
    again = train(model, data, PLAIN, seed=0, phase="dense")
    assert same(first.state, again.state)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("change", [{"seed": 1}, {"phase": "retrain"}])
def test_seed_and_phase_draw_other_orders(data, change):
    assert not same(run(data).state, run(data, **change).state)


def test_stopping_early_gives_the_first_epochs_of_the_whole(data):
    whole, part = run(data), run(data, stop_after=2)
    assert part.history.loss == whole.history.loss[:2]
    assert not same(whole.state, part.state)


def test_a_schedule_does_not_depend_on_where_training_stops(data):
    recipe = PLAIN.model_copy(update={"lr_schedule": "cosine"})
    assert run(data, recipe, stop_after=2).history.loss == run(data, recipe).history.loss[:2]


class Killed(Exception):
    pass


def gradual(epoch, masks):
    """Prune more at the start of every epoch, by the magnitude of nothing but the mask: the same in every run."""
    fraction = 0.2 * (epoch + 1)
    model = network()
    draw = np.random.default_rng(7)
    ranks = {name: draw.random(tuple(each.shape)) for name, each in model.named_parameters() if each.dim() == 2}
    return MaskSet.from_arrays({name: rank >= fraction for name, rank in ranks.items()}, threshold=fraction)


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
    "validation": (PLAIN.model_copy(update={"validation": 0.25, "lr": 2.0}), {}),
    "augmented": (PLAIN.model_copy(update={"augment": ("pad-crop-4",), "clip": 1.0, "label_smoothing": 0.1}), {}),
    "schedules": (PLAIN.model_copy(update={"lr_schedule": "cosine", "lr_update": "step", "warmup": 1}), {}),
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
        train(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), data, PLAIN, seed=0, phase="dense", checkpoint=checkpoint)


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 0.3), ("adam", 0.01), ("adamw", 0.01)])
def test_dead_weights_stay_dead_and_the_rest_learns(data, optimizer, lr):
    recipe = Recipe(epochs=3, batch=128, lr=lr, optimizer=optimizer, weight_decay=0.01, clip=1.0)
    masks = half(network())
    trained = run(data, recipe, masks=masks)
    for name in masks:
        assert trained.state[name][~masks[name]].count_nonzero() == 0
        assert trained.state[name][masks[name]].count_nonzero() == masks.count(name)
    assert trained.history.accuracy[-1] > 60.0


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
        train(model, data, PLAIN, seed=0, phase="dense", masks=masks)


def test_a_hook_that_revives_weights_in_evaluation_is_a_breach(data):
    model, masks = network(), half(network())

    def revive(module, inputs):
        if not model.training:
            module.weight.data.fill_(1.0)

    model[5].register_forward_pre_hook(revive)
    with pytest.raises(MaskBreach, match=r'"5\.weight"'):
        train(model, data, PLAIN, seed=0, phase="dense", masks=masks)


def test_masks_of_another_network_are_refused(data):
    with pytest.raises(BadTensor, match="another model"):
        run(data, masks=MaskSet.dense({"7.weight": (3, 3)}))


def test_a_diverged_run_is_recorded_and_stops(data):
    trained = run(data, PLAIN.model_copy(update={"lr": 1e30, "epochs": 5}))
    assert trained.history.diverged
    assert trained.history.loss[-1] is None
    assert len(trained.history.loss) < 5
    assert len(trained.history.accuracy) == len(trained.history.loss)


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
    assert same(trained.state, run(data, VALIDATED, stop_after=best + 1).state)
    assert trained.history.accuracy[best] == pytest.approx(accuracy_of(trained, data))


def accuracy_of(trained, data):
    model = network()
    model.load_state_dict(trained.state)
    return evaluate(model, data).accuracy


def test_validation_samples_are_not_trained_on(data):
    with_all, without = run(data), run(data, PLAIN.model_copy(update={"validation": 0.25}))
    assert not same(with_all.state, without.state)
    assert len(without.history.validation) == 3
    assert with_all.history.validation == []


@pytest.mark.parametrize("recipe", [PLAIN, VALIDATED])
def test_the_test_set_never_picks_an_epoch(data, recipe):
    inputs, labels = data.splits["test"]
    other = data._with({**data.splits, "test": (inputs, (labels + 1) % 10)}, torch.device("cpu"))
    first, second = run(data, recipe), run(other, recipe)
    assert first.history.accuracy != second.history.accuracy
    assert same(first.state, second.state)


RATES = st.floats(1e-4, 1e2)


@given(lr=RATES, epochs=st.integers(1, 300), epoch=st.integers(0, 299))
def test_the_cosine_schedule_is_its_closed_form(lr, epochs, epoch):
    recipe = Recipe(epochs=epochs, batch=1, lr=lr, lr_schedule="cosine")
    epoch %= epochs
    assert learning_rate(recipe, epoch) == pytest.approx(lr * 0.5 * (1 + math.cos(math.pi * epoch / epochs)))


@given(lr=RATES, every=st.integers(1, 50), factor=st.floats(0.05, 1.0), epoch=st.integers(0, 200))
def test_the_step_schedule_is_its_closed_form(lr, every, factor, epoch):
    recipe = Recipe(epochs=201, batch=1, lr=lr, lr_schedule="step", lr_every=every, lr_factor=factor)
    expected = lr
    for passed in range(1, epoch + 1):
        expected *= factor if passed % every == 0 else 1.0
    assert learning_rate(recipe, epoch) == pytest.approx(expected)


@given(lr=RATES, warmup=st.integers(1, 20), schedule=st.sampled_from(["constant", "cosine"]), progress=st.floats(0, 40))
def test_warm_up_rises_to_the_rate_and_then_the_schedule_begins_anew(lr, warmup, schedule, progress):
    recipe = Recipe(epochs=warmup + 20, batch=1, lr=lr, lr_schedule=schedule, warmup=warmup)
    rates = [learning_rate(recipe, epoch) for epoch in range(warmup)]
    assert rates == pytest.approx([lr * (epoch + 1) / warmup for epoch in range(warmup)])
    assert learning_rate(recipe, warmup) == pytest.approx(lr)
    later = Recipe(epochs=20, batch=1, lr=lr, lr_schedule=schedule)
    if warmup <= progress < warmup + 20:
        assert learning_rate(recipe, progress) == pytest.approx(learning_rate(later, progress - warmup))


@given(lr=RATES, epochs=st.integers(1, 50), warmup=st.integers(0, 60), progress=st.floats(0, 1, exclude_max=True))
def test_the_rate_never_leaves_zero_to_lr(lr, epochs, warmup, progress):
    recipe = Recipe(epochs=epochs, batch=1, lr=lr, lr_schedule="cosine", warmup=warmup, lr_update="step")
    assert 0.0 <= learning_rate(recipe, progress * epochs) <= lr


def test_rates_by_step_change_within_an_epoch_and_rates_by_epoch_do_not(data):
    by_epoch = PLAIN.model_copy(update={"lr_schedule": "cosine"})
    by_step = by_epoch.model_copy(update={"lr_update": "step"})
    seen = {"epoch": rates(data, by_epoch), "step": rates(data, by_step)}
    assert len(set(seen["epoch"])) == 3
    assert len(set(seen["step"])) == len(seen["step"]) == 3 * math.ceil(1198 / 256)
    assert seen["step"] == sorted(seen["step"], reverse=True)


def rates(data, recipe):
    """Return the learning rate of every step that the optimizer takes."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    seen = []
    handle = register_optimizer_step_post_hook(lambda optimizer, *_: seen.append(optimizer.param_groups[0]["lr"]))
    try:
        run(data, recipe)
    finally:
        handle.remove()
    return seen


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
