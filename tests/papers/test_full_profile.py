"""The paper's own protocol is too long to run here, so every step of it is taken once at initialisation."""

from pathlib import Path

import pytest
import torch

from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.model import Model
from pruneproof.contracts.recipe import Recipe
from pruneproof.papers.load import load_paper
from pruneproof.papers.short_form import settings_of, steps_of
from pruneproof.papers.steps import Prune, Train
from pruneproof.registry.catalog import build_catalog
from pruneproof.selection.select import select_masks
from pruneproof.training.rate import learning_rate
from pruneproof.training.scoring import score
from pruneproof.training.seeding import seeded, stream
from pruneproof.training.train import make_optimizer
from pruneproof.units import keep_count

PAPER = load_paper(Path(__file__).parents[2] / "papers" / "global-mp")
CATALOG = build_catalog(PAPER.info.plugins)
RUNS = PAPER.runs.runs("full")
SHAPES = {"cifar10": ((3, 32, 32), 10), "imagenet": ((3, 224, 224), 1000), "har-2": ((128, 9), 2)}
METHODS = [
    pytest.param(run_id, method, id=f"{run_id}-{method.method}-{'-'.join(str(each) for each in method.sparsities)}")
    for run_id, run in RUNS.items()
    for method in run.methods
]


@pytest.fixture(scope="module")
def networks():
    """Each network of the profile, built once."""
    built = {}

    def build(run_id):
        if run_id not in built:
            run = RUNS[run_id]
            model = CATALOG.get(Model, run.model.id)
            with seeded(0):
                network = model.build(*SHAPES[run.data], **run.model.options)
            built.clear()  # one large network at a time
            built[run_id] = (network, model.prunable(network))
        return built[run_id]

    return build


def pruning(run, method):
    """Return what prunes in a method: its last step that does, or the gradual pruning of a training."""
    steps = steps_of(run, method)
    gradual = [step.gradual for step in steps if isinstance(step, Train) and step.gradual is not None]
    return (gradual or [step for step in steps if isinstance(step, Prune)])[-1]


@pytest.mark.slow
@pytest.mark.parametrize(("run_id", "method"), METHODS)
def test_every_method_prunes_its_network_to_the_count_that_it_states(networks, run_id, method):
    network, names = networks(run_id)
    step = pruning(RUNS[run_id], method)
    criterion = CATALOG.get(Criterion, step.criterion.id)
    if criterion.id == "snip":
        pytest.skip("needs the data set")
    scores = score(criterion, step.criterion.options, network, names, None, [], stream(0, "criterion"))
    weights = {name: network.state_dict()[name] for name in names}
    size = sum(weight.numel() for weight in weights.values())
    for sparsity in method.sparsities or RUNS[run_id].sparsities:
        masks = select_masks(
            scores, sparsity=sparsity, selection=step.select, catalog=CATALOG, weights=weights, module=network
        )
        dense = [name for name in names if any(Path(name).match(each) for each in step.select.unprunable)]
        unprunable = sum(masks.size(name) for name in dense)
        wanted = keep_count(size - unprunable, sparsity) + unprunable
        if step.select.floor.id == "global-mp-released":  # each tensor of the released rule may keep one too many
            assert wanted <= masks.count() <= wanted + 2 * len(names)
        else:
            assert masks.count() == wanted


@pytest.mark.parametrize("run_id", RUNS)
def test_every_recipe_makes_an_optimizer_and_a_falling_learning_rate(run_id):
    run = RUNS[run_id]
    recipes = list(run.recipe.values())
    for method in run.methods:
        recipes += [
            Recipe.model_validate(run.recipe[step.recipe].model_dump() | step.change)
            for step in steps_of(run, method)
            if isinstance(step, Train)
        ]
    for recipe in recipes:
        make_optimizer(torch.nn.Linear(2, 2), recipe)
        rate = learning_rate(recipe, CATALOG.get)
        rates = [rate(float(epoch)) for epoch in range(recipe.epochs)]
        after = rates[recipe.warmup :]
        assert max(rates) <= recipe.lr
        assert after == sorted(after, reverse=True)
        assert after[-1] < after[0]


def test_every_method_says_what_it_chose():
    for run in RUNS.values():
        for method in run.methods:
            assert settings_of(method)["criterion"] == pruning(run, method).criterion.id
