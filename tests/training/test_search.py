"""A search in the real loop: weights stay, variables learn, and a stop anywhere changes no bit."""

import pytest
import torch
from torch import nn

from pruneproof.api import MaskSearch, Source
from pruneproof.contracts.recipe import Recipe
from pruneproof.data.digits import load_digits
from pruneproof.errors import BadPlugin, StoreCorrupt
from pruneproof.searches.edge_popup import EDGE_POPUP
from pruneproof.training.search import Searching
from pruneproof.units import keep_count

RECIPE = Recipe(epochs=3, batch=256, lr=0.1, momentum=0.9, weight_decay=1e-4)
NAMES = ("1.weight", "5.weight")
SOURCE = Source("A. Reader", 2026, "An example")


@pytest.fixture(scope="module")
def data():
    return load_digits(None)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 40), nn.BatchNorm1d(40), nn.ReLU(), nn.Dropout(0.1), nn.Linear(40, 10)
    )


def search(data, method=EDGE_POPUP, recipe=RECIPE, model=None, sparsity=0.5, seed=0, **options):
    model = network() if model is None else model
    weights = {name: model.get_parameter(name).detach() for name in NAMES}
    return Searching(
        method,
        options,
        model,
        weights,
        data,
        recipe,
        rate=lambda progress: recipe.lr,
        sparsity=sparsity,
        seed=seed,
        phase="dense",
    )


def quietly(done, total):
    pass


def accuracy(model, alive, data):
    with torch.no_grad():
        for name, mask in alive.items():
            model.get_parameter(name).mul_(mask)
        inputs, labels = next(data.batches("test", 1000))
        return float((model.eval()(inputs).argmax(1) == labels).float().mean())


def test_the_mask_is_far_better_than_chance_although_no_weight_was_trained(data):
    model = network()
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    found = search(data, model=model, recipe=RECIPE.model_copy(update={"epochs": 25, "batch": 64})).run(None, quietly)
    assert all(torch.equal(each, before[name]) for name, each in model.named_parameters())
    assert found.loss[-1] < 0.7 * found.loss[0]
    assert accuracy(model, found.alive, data) > 0.6
    total = sum(mask.numel() for mask in found.alive.values())
    assert sum(int(mask.sum()) for mask in found.alive.values()) == keep_count(total, 0.5)


def test_running_statistics_follow_the_gated_network(data):
    model = network()
    search(data, model=model).run(None, quietly)
    assert not torch.equal(model[2].running_mean, torch.zeros(40))


class Killed(Exception):
    pass


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "recipe",
    [RECIPE, RECIPE.model_copy(update={"optimizer": "adam", "lr": 0.01, "validation": 0.2, "lr_update": "step"})],
    ids=["sgd", "adam"],
)
def test_a_search_killed_after_any_epoch_resumes_to_the_same_bits(data, tmp_path, recipe, stop):
    whole_model, model = network(), network()
    whole = search(data, recipe=recipe, model=whole_model).run(None, quietly)

    def kill(done, total):
        if done == stop:
            raise Killed

    checkpoint = tmp_path / "epoch.safetensors"
    with pytest.raises(Killed):
        search(data, recipe=recipe).run(checkpoint, kill, save_seconds=0.0)
    told = []
    resumed = search(data, recipe=recipe, model=model).run(checkpoint, lambda *each: told.append(each))
    assert told == [(done, 3) for done in range(stop, 4)]
    assert resumed.loss == whole.loss
    assert all(torch.equal(resumed.alive[name], whole.alive[name]) for name in NAMES)
    assert all(torch.equal(each, whole_model.state_dict()[name]) for name, each in model.state_dict().items())


def test_another_seed_finds_another_mask(data):
    first, other = (search(data, seed=seed).run(None, quietly).alive for seed in (0, 1))
    assert not torch.equal(first["1.weight"], other["1.weight"])


def test_a_checkpoint_of_another_search_is_refused(data, tmp_path):
    checkpoint = tmp_path / "epoch.safetensors"
    search(data).run(checkpoint, quietly, save_seconds=0.0)
    model = network()
    model[1] = nn.Linear(64, 40)
    other = Searching(
        EDGE_POPUP,
        {},
        model,
        {"5.weight": model[5].weight.detach()[:5]},
        data,
        RECIPE,
        rate=lambda progress: 0.1,
        sparsity=0.5,
        seed=0,
        phase="dense",
    )
    with pytest.raises(StoreCorrupt, match="does not fit this search"):
        other.run(checkpoint, quietly)


def start(weights, rng):
    return {name: torch.ones_like(each) for name, each in weights.items()}


def gate(variables, sparsity, progress, rng):
    return dict(variables)


def export(variables, sparsity):
    return {name: each > 0.5 for name, each in variables.items()}


def method(**changes):
    plain = {"id": "mine", "start": start, "gate": gate, "export": export, "source": SOURCE, "exports": "threshold"}
    return MaskSearch(**plain | changes)


def test_a_penalty_pulls_the_variables_and_stays_out_of_the_reported_loss(data):
    def pull(variables, sparsity, progress, *, force=100.0):
        return force * sum(each.square().sum() for each in variables.values())

    recipe = Recipe(epochs=1, batch=256, lr=0.004)
    free = search(data, method(), recipe).run(None, quietly)
    pulled = search(data, method(penalty=pull), recipe).run(None, quietly)
    assert all(mask.all() for mask in free.alive.values())
    assert not any(mask.any() for mask in pulled.alive.values())
    assert pulled.loss[0] < 10.0  # with the penalty it would be in the hundred thousands


def test_progress_runs_from_zero_to_below_one(data):
    def note(variables, sparsity, progress, rng):
        seen.append(progress)
        return dict(variables)

    seen = []
    search(data, method(gate=note)).run(None, quietly)
    assert seen == pytest.approx([step / 15 for step in range(15)])


def test_each_step_draws_from_its_own_stream(data):
    def note(variables, sparsity, progress, rng):
        seen.append(rng.initial_seed())
        return dict(variables)

    seen = []
    search(data, method(gate=note)).run(None, quietly)
    assert len(set(seen)) == 15


def other_shape(variables, *_, **__):
    return {name: each[:1] for name, each in variables.items()}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"start": lambda weights, rng: {"v": torch.arange(3)}}, "no floating-point tensor"),
        ({"gate": lambda variables, sparsity, progress, rng: {}}, "answered a gate of {}"),
        ({"gate": lambda variables, sparsity, progress, rng: other_shape(variables)}, "answered a gate"),
        ({"export": lambda variables, sparsity: other_shape(variables)}, "answered a mask"),
        ({"export": lambda variables, sparsity: dict(variables)}, "not bool"),
    ],
)
def test_answers_that_do_not_fit_the_weights_are_refused(data, changes, says):
    with pytest.raises(BadPlugin, match=says):
        search(data, method(**changes)).run(None, quietly)


def test_a_search_that_diverges_says_so_and_goes_on(data):
    found = search(data, method(), RECIPE.model_copy(update={"lr": 1e30})).run(None, quietly)
    assert None in found.loss


def projecting(project):
    def export(variables, sparsity):
        return {name: each > 0 for name, each in variables.items()}

    return MaskSearch("projecting", start, gate, export, SOURCE, exports="above zero", project=project)


def test_variables_are_projected_after_every_step(data):
    seen = []

    def project(variables, sparsity, progress):
        seen.append((sparsity, progress))
        return {name: each.clamp(0.9, 1.1) for name, each in variables.items()}

    searching = search(data, projecting(project))
    searching.run(None, quietly)
    steps = RECIPE.epochs * searching.steps
    assert seen == [(0.5, (step + 1) / steps) for step in range(steps)]
    assert all(bool(((each >= 0.9) & (each <= 1.1)).all()) for each in searching.variables.values())
    assert any(bool((each != 1).any()) for each in searching.variables.values())


def test_a_projection_onto_other_variables_is_refused(data):
    wrong = projecting(lambda variables, sparsity, progress: {})
    with pytest.raises(BadPlugin, match="projected its variables to"):
        search(data, wrong).run(None, quietly)
