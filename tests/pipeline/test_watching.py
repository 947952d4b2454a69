"""What a training records by `watch`: at the end of epochs, or every so many steps."""

import pytest

from pruneproof.training.train import train

METRICS = """
    from pruneproof.api import Metric, hookimpl

    def one(loss):
        return 1.0

    def loss(loss):
        return loss

    def rate(lr):
        return {"lr": lr}

    def squared(grads):
        return {name: each.square().sum(1).tolist() for name, each in grads.items()}

    def changed(masks_changed):
        return masks_changed

    def alive(alive):
        return {name: [float(row.sum()) for row in each] for name, each in alive.items()}

    def explored(explored):
        return sum(int(each.sum()) for each in explored.values())

    @hookimpl
    def pruneproof_metrics():
        return [
            Metric("one", one, "One.", per="step"),
            Metric("step-loss", loss, "The loss of a step.", per="step"),
            Metric("rate", rate, "The learning rate.", per="step"),
            Metric("squared", squared, "Squared gradients of each unit.", per="step"),
            Metric("changed", changed, "Masks that changed.", per="epoch"),
            Metric("alive-now", alive, "Weights of each unit that are alive.", per="step"),
            Metric("explored-count", explored, "Weights that have been alive.", per="epoch"),
        ]
"""
STEPS_PER_EPOCH = 10  # 1198 samples in batches of 128


@pytest.fixture
def watched(replay_steps, install):
    """Train by the recipe `dense` of three epochs: (what to watch, more of the step) -> metric -> recorded values."""
    install("watchers", METRICS)

    def run(watch, more=""):
        train = f'{{ do = "train", recipe = "dense", watch = [{watch}]{more} }}'
        steps = f'{{ do = "init" }}, {train}, {{ do = "measure" }}'
        [trained] = replay_steps({"m": steps}, plugins=["watchers"])["m"].of("train")
        history = trained.json("history.json")
        return history["watched"] | {"loss of the epochs": history["loss"]}

    return run


def test_a_metric_of_a_network_is_recorded_at_the_end_of_every_epoch(watched):
    found = watched('"accuracy", "densities"')
    assert len(found["accuracy"]) == 3
    assert found["accuracy"][0] < found["accuracy"][-1] <= 100.0
    assert all(set(each.values()) == {1.0} for each in found["densities"])


def test_at_epochs_between_there_is_nothing(watched):
    assert [each is None for each in watched('{ id = "accuracy", every = "2ep" }')["accuracy"]] == [True, False, True]


@pytest.mark.parametrize(
    ("every", "reduce", "expected"),
    [("1it", "sum", 10.0), ("5it", "sum", 2.0), ("3it", "mean", 1.0), ("10it", "last", 1.0), ("7it", "sum", 1.0)],
)
def test_steps_are_reduced_over_the_epoch(watched, every, reduce, expected):
    found = watched(f'{{ id = "one", every = "{every}", reduce = "{reduce}" }}')["one"]
    assert found[0] == expected
    assert len(found) == 3


def test_the_mean_loss_of_the_steps_is_that_of_the_epoch_but_for_the_last_short_batch(watched):
    found = watched('{ id = "step-loss", every = "1it", reduce = "mean" }')
    assert found["step-loss"] == pytest.approx(found["loss of the epochs"], rel=0.05)


def test_tables_and_lists_are_reduced_number_by_number(watched):
    found = watched(
        '{ id = "rate", every = "1it", reduce = "mean" }, { id = "squared", every = "2it", reduce = "sum" }'
    )
    assert [each["lr"] for each in found["rate"]] == pytest.approx([0.1] * 3)
    assert all(len(each) == 3 for each in found["squared"])
    assert all(number >= 0 for each in found["squared"] for units in each.values() for number in units)


def test_masks_that_change_while_training_are_counted(watched):
    dense = watched('"changed"')["changed"]
    gradual = watched('"changed"', ", gradual = { start = 0, end = 1 }")["changed"]
    assert dense == [0, 0, 0]
    size = 64 * 40 + 40 * 20 + 20 * 10
    assert sum(gradual) == size - (size - int(0.8 * size))
    assert gradual[2] == 0


def test_watching_changes_nothing_that_is_trained(watched):
    assert watched('"accuracy"')["loss of the epochs"] == watched('"squared"')["loss of the epochs"]


class Killed(BaseException):
    pass


def test_a_training_that_was_stopped_records_what_an_undisturbed_one_does(replay_steps, install, monkeypatch):
    monkeypatch.setitem(train.__kwdefaults__, "save_seconds", 0.0)
    install("watchers", METRICS)
    watch = '["explored-count", "changed", { id = "accuracy", every = "2ep" }, { id = "alive-now", every = "1it" }]'
    step = f'{{ do = "train", recipe = "dense", watch = {watch}, updates = [{{ id = "set", every = "3it" }}] }}'
    steps = {"m": f'{{ do = "init" }}, {{ do = "prune", criterion = "random" }}, {step}, {{ do = "measure" }}'}

    def kill(event):
        if event.kind == "progress" and event.total == 3 and event.done == 1:
            raise Killed

    with pytest.raises(Killed):
        replay_steps(steps, plugins=["watchers"], on_event=kill)
    found, whole = (
        replay_steps(steps, plugins=["watchers"], store=store)["m"].of("train")[0].json("history.json")["watched"]
        for store in ("store", "undisturbed")
    )
    assert found == whole
    counts, size = found["explored-count"], 64 * 40 + 40 * 20 + 20 * 10
    assert size - int(0.8 * size) < counts[0] < counts[1] < counts[2] < size
    assert all(0 < each < size for each in found["changed"])
    assert [each is None for each in found["accuracy"]] == [True, False, True]


def test_of_a_training_that_starts_dense_every_weight_has_been_alive(watched):
    size = 64 * 40 + 40 * 20 + 20 * 10
    assert watched('"explored-count"', ", gradual = { start = 0, end = 1 }")["explored-count"] == [size] * 3


def test_a_training_that_moves_its_mask_tells_its_cost_and_what_it_has_tried(replay_steps):
    train = '{ do = "train", recipe = "dense", watch = ["epoch-flops", "explored-share"], updates = ["set"] }'
    metrics = '["training-flops", "in-time-over-parameterisation", "sparsity"]'
    start = '{ do = "init" }, { do = "prune", criterion = "random", select.scope = "uniform" }'
    train = train.replace('["set"]', '[{ id = "set", every = "3it" }]')
    found = replay_steps({"m": f'{start}, {train}, {{ do = "measure", metrics = {metrics} }}'})["m"].measured["end"]
    dense = 2 * (64 * 40 + 40 * 20 + 20 * 10)
    assert found["training-flops"] == pytest.approx(3 * 3 * 0.2 * dense * 1198, rel=1e-3)
    assert 0.25 < found["in-time-over-parameterisation"] < 1.0
