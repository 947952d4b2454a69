"""The paper's own protocol is too long to run here, so every step of it is taken once at initialisation."""

from pathlib import Path

import pytest
import torch
from pruneproof.pipeline.stages import floor_count

from pruneproof.api import Selection
from pruneproof.contracts.recipe import Recipe
from pruneproof.papers.load import load_paper
from pruneproof.registry.catalog import build_catalog
from pruneproof.selection.select import select_masks
from pruneproof.training.scoring import score
from pruneproof.training.seeding import seeded, stream
from pruneproof.training.train import learning_rate, make_optimizer
from pruneproof.units import keep_count

PAPER = load_paper(Path(__file__).parents[2] / "papers" / "global-mp")
CATALOG = build_catalog(PAPER.info.plugins)
SHAPES = {"cifar10": ((3, 32, 32), 10), "imagenet": ((3, 224, 224), 1000), "har-2": ((128, 9), 2)}
ARMS = [
    pytest.param(run_id, arm, id=f"{run_id}-{arm.method}-{'-'.join(str(each) for each in arm.sparsities)}")
    for run_id, run in PAPER.runs.full.items()
    for arm in run.arms
]


@pytest.fixture(scope="module")
def networks():
    """Each network of the profile, built once."""
    built = {}

    def build(run_id):
        if run_id not in built:
            run = PAPER.runs.full[run_id]
            model = CATALOG.model(run.model.id)
            with seeded(0):
                network = model.build(*SHAPES[run.data], **run.model.options)
            built.clear()  # one large network at a time
            built[run_id] = (network, model.prunable(network))
        return built[run_id]

    return build


@pytest.mark.slow
@pytest.mark.parametrize(("run_id", "arm"), ARMS)
def test_every_arm_prunes_its_network_to_the_count_that_it_states(networks, run_id, arm):
    network, names = networks(run_id)
    criterion = CATALOG.criterion(arm.criterion.id)
    if criterion.id == "snip":
        pytest.skip("needs the data set")
    scores = score(criterion, arm.criterion.options, network, names, None, [], stream(0, "criterion"))
    weights = {name: network.state_dict()[name] for name in names}
    size = sum(weight.numel() for weight in weights.values())
    selection = Selection(
        scope=arm.scope.id,
        preset=arm.preset,
        floor=floor_count(arm.floor, arm.floor_percent, arm.floor_mode, size),
        floor_mode=arm.floor_mode,
        unprunable=arm.unprunable,
    )
    allocation = None if arm.scope.id == "global" else CATALOG.allocation(arm.scope.id)
    for sparsity in arm.sparsities or PAPER.runs.full[run_id].sparsities:
        masks = select_masks(
            scores,
            sparsity=sparsity,
            selection=selection,
            weights=weights,
            allocation=allocation,
            allocation_options=arm.scope.options,
        )
        unprunable = sum(masks.size(name) for name in names if any(Path(name).match(each) for each in arm.unprunable))
        wanted = keep_count(size - unprunable, sparsity) + unprunable
        if arm.floor_mode == "released":  # each tensor of the released rule keeps up to one weight too many
            assert wanted <= masks.count() <= wanted + 2 * len(names)
        else:
            assert masks.count() == wanted


@pytest.mark.parametrize("run_id", PAPER.runs.full)
def test_every_recipe_makes_an_optimizer_and_a_falling_learning_rate(run_id):
    run = PAPER.runs.full[run_id]
    recipes = [recipe for recipe in (run.dense, run.retrain) if recipe is not None]
    recipes += [Recipe.model_validate(run.retrain.model_dump() | arm.retrain) for arm in run.arms]
    for recipe in recipes:
        make_optimizer(torch.nn.Linear(2, 2), recipe)
        rates = [learning_rate(recipe, epoch) for epoch in range(recipe.epochs)]
        after = rates[recipe.warmup :]
        assert max(rates) <= recipe.lr
        assert after == sorted(after, reverse=True)
        assert after[-1] < after[0]
