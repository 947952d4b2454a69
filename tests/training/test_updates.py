"""Moving masks in the real loop: when they move, what comes back, and what an update may not answer."""

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from pruneproof.api import Selection, Source, Update, select_masks
from pruneproof.contracts.recipe import Recipe
from pruneproof.data.digits import load_digits
from pruneproof.errors import BadPlugin
from pruneproof.training.train import Course, train
from pruneproof.training.updates import ScheduledUpdate
from pruneproof.updates.rigl import RIGL
from pruneproof.updates.set import SET
from pruneproof.values.masks import MaskSet

SOURCE = Source("A. Reader", 2026, "An example")
NAMES = ("1.weight", "3.weight")


@pytest.fixture(scope="module")
def data():
    return load_digits(None)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 10))


def erk(model, sparsity=0.8):
    weights = {name: model.get_parameter(name).detach() for name in NAMES}
    draw = torch.Generator().manual_seed(0)
    scores = {name: torch.rand(each.shape, generator=draw) for name, each in weights.items()}
    return select_masks(scores, sparsity=sparsity, selection=Selection(scope="erk"), weights=weights)


class Seen:
    """An update that notes the masks before and after each move, and the gradients that it was given."""

    def __init__(self, update, **when):
        self.rule = ScheduledUpdate(update, {}, NAMES, **{"seed": 0, "every": 4} | when)
        self.moves, self.grads = [], []

    def due(self, step, steps):
        return self.rule.due(step, steps)

    def move(self, model, masks, step, steps):
        after = self.rule.move(model, masks, step, steps)
        self.moves.append((step, masks, after))
        self.grads.append({name: model.get_parameter(name).grad.clone() for name in NAMES})
        return after


def run(data, seen, **recipe):
    recipe = Recipe(**{"epochs": 3, "batch": 128, "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3} | recipe)
    model = network()
    masks = erk(model)
    course = Course(rate=lambda progress: recipe.lr, seed=0, phase="dense", updates=[seen])
    return train(model, data, recipe, course, masks=masks), masks


@pytest.mark.parametrize("update", [RIGL, SET], ids=["rigl", "set"])
def test_every_tensor_keeps_its_erk_count_through_all_moves(data, update):
    seen = Seen(update, until=0.75)
    trained, before = run(data, seen)
    assert before.count("1.weight") / before.size("1.weight") < before.count("3.weight") / before.size("3.weight")
    for _, masks, after in seen.moves:
        assert {name: after.count(name) for name in NAMES} == {name: before.count(name) for name in NAMES}
        assert after != masks
    assert trained.masks == seen.moves[-1][2]
    for name in NAMES:
        assert not trained.state[name][~trained.masks[name]].any()


def test_moves_happen_every_so_many_steps_within_the_window(data):
    seen = Seen(RIGL, every=5, start=4, until=0.8)
    run(data, seen)  # three epochs of ten steps
    assert [step for step, _, _ in seen.moves] == [5, 10, 15, 20]


def test_the_gradients_of_dead_weights_are_there_when_a_mask_moves(data):
    seen = Seen(RIGL)
    run(data, seen)
    _, masks, _ = seen.moves[0]
    assert all(seen.grads[0][name][~masks[name]].any() for name in NAMES)


def test_a_move_takes_the_place_of_the_optimizer_s_step(data):
    seen, taken = Seen(RIGL), []
    handle = register_optimizer_step_pre_hook(lambda *_: taken.append(len(seen.moves)))
    try:
        run(data, seen)
    finally:
        handle.remove()
    assert len(seen.moves) == 7
    assert len(taken) == 30 - 7
    assert taken.count(0) == 3  # steps 1 to 3; the fourth is a move


@pytest.mark.parametrize(
    ("recipe", "keys"),
    [
        ({"optimizer": "sgd"}, {"momentum_buffer"}),
        ({"optimizer": "sgd", "nesterov": True}, {"momentum_buffer"}),
        ({"optimizer": "adam", "lr": 0.01}, {"exp_avg", "exp_avg_sq"}),
        ({"optimizer": "adamw", "lr": 0.01}, {"exp_avg", "exp_avg_sq"}),
    ],
    ids=["sgd", "nesterov", "adam", "adamw"],
)
@pytest.mark.parametrize("update", [RIGL, SET], ids=["rigl", "set"])
def test_weights_that_come_back_start_at_zero_and_without_momentum_and_the_others_keep_theirs(
    data, update, recipe, keys
):
    seen = Seen(update)
    looked, came_back = [], dict.fromkeys(NAMES, 0)

    def look(optimizer, *_):
        if len(looked) == len(seen.moves):
            return
        _, before, after = seen.moves[-1]
        first, _, second, _ = optimizer.param_groups[0]["params"]
        parameters = {"1.weight": first, "3.weight": second}
        for name in NAMES:
            parameter, revived = parameters[name], (after - before)[name]
            stayed = (after & before)[name]
            state = {key: value for key, value in optimizer.state[parameter].items() if value.shape == parameter.shape}
            assert set(state) == keys
            came_back[name] += int(revived.sum())
            assert not parameter.detach()[revived].any()
            assert parameter.detach()[stayed].count_nonzero() > stayed.sum() / 2  # pixels at the edge have no gradient
            for value in state.values():
                assert not value[revived].any()
                assert value[stayed].any()
        looked.append(True)

    handle = register_optimizer_step_pre_hook(look)
    try:
        run(data, seen, **recipe)
    finally:
        handle.remove()
    assert len(looked) == len(seen.moves) == 7
    assert all(came_back.values())


def wrong(answer, **passport):
    return Update("wrong", answer, SOURCE, **{"revives": True} | passport)


def moved(update, alive=None):
    model = network()
    masks = erk(model) if alive is None else alive
    for name in NAMES:
        model.get_parameter(name).grad = torch.ones_like(model.get_parameter(name))
    return ScheduledUpdate(update, {}, NAMES, 0, every=1).move(model, masks, 1, 10)


@pytest.mark.parametrize(
    ("update", "says"),
    [
        (wrong(lambda alive: list(alive)), "answered for list"),
        (wrong(lambda alive: {"1.weight": alive["1.weight"]}), r"answered for \['1.weight'\]"),
        (wrong(lambda alive: {name: each.float() for name, each in alive.items()}), "no bool mask of shape"),
        (wrong(lambda alive: {name: each.T for name, each in alive.items()}), "no bool mask of shape"),
        (wrong(lambda alive: {name: ~each for name, each in alive.items()}, revives=False), "brought weights of"),
        (wrong(lambda alive: {name: each & False for name, each in alive.items()}), "keeps its count"),
    ],
)
def test_an_answer_that_is_no_mask_or_breaks_the_passport_is_refused(update, says):
    with pytest.raises(BadPlugin, match=says):
        moved(update)


def test_what_an_update_does_to_its_ingredients_reaches_nobody():
    def spoil(weights, alive, grads):
        answer = {name: each.clone() for name, each in alive.items()}
        for group in (weights, alive, grads):
            for each in group.values():
                each.zero_()
        return answer

    model = network()
    masks = erk(model)
    for name in NAMES:
        model.get_parameter(name).grad = torch.ones_like(model.get_parameter(name))
    before = {name: each.clone() for name, each in model.state_dict().items()}
    after = ScheduledUpdate(wrong(spoil), {}, NAMES, 0, every=1).move(model, masks, 1, 10)
    assert after == masks
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    assert all(model.get_parameter(name).grad.all() for name in NAMES)


def test_tensors_that_an_update_does_not_move_keep_their_masks():
    model = network()
    masks = erk(model)
    model.get_parameter("1.weight").grad = torch.randn(30, 64)
    after = ScheduledUpdate(RIGL, {}, ["1.weight"], 0, every=1).move(model, masks, 1, 10)
    assert after["3.weight"].equal(masks["3.weight"])
    assert not after["1.weight"].equal(masks["1.weight"])


def test_the_stream_of_a_step_depends_on_seed_and_step_alone():
    def draw(alive, rng):
        noted.append(rng.initial_seed())
        return alive

    noted = []
    for seed, step in ((0, 1), (0, 1), (1, 1), (0, 2)):
        model = network()
        ScheduledUpdate(wrong(draw), {}, NAMES, seed, every=1).move(model, erk(model), step, 10)
    assert noted[0] == noted[1]
    assert len(set(noted)) == 3


def test_progress_is_a_fraction_of_the_steps_up_to_the_end_of_the_window():
    def note(alive, step, progress):
        noted.append((step, progress))
        return alive

    noted = []
    rule = ScheduledUpdate(wrong(note), {}, NAMES, 0, every=10, until=0.5)
    for step in (10, 20, 40):
        model = network()
        rule.move(model, erk(model), step, 100)
    assert noted == [(10, 0.2), (20, 0.4), (40, 0.8)]


def test_dense_masks_stay_dense():
    model = network()
    dense = MaskSet.dense({name: tuple(model.get_parameter(name).shape) for name in NAMES})
    assert moved(RIGL, dense) == dense


def test_an_update_may_ask_for_the_target():
    def note(alive, sparsity):
        noted.append(sparsity)
        return alive

    noted, model = [], network()
    ScheduledUpdate(wrong(note), {}, NAMES, 0, every=1, sparsity=0.9).move(model, erk(model), 1, 10)
    assert noted == [0.9]
