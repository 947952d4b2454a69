"""Oracle pruning against a search by hand."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pruneproof.api import ModelProbe, Selection, select_masks
from pruneproof.criteria.oracle import oracle_pruning
from pruneproof.errors import BadConfig

NAMES = ["0.weight", "2.weight"]


@pytest.fixture
def subject():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5)).eval()
    draw = torch.Generator().manual_seed(1)
    return model, torch.randn(20, 4, generator=draw), torch.randint(5, (20,), generator=draw)


def scored(subject, alive=None, **options):
    model, inputs, labels = subject
    weights = {name: model.get_parameter(name).detach().clone() for name in NAMES}
    alive = alive or {name: torch.ones_like(each, dtype=torch.bool) for name, each in weights.items()}
    probe = ModelProbe(model, NAMES, None, [(inputs[:8], labels[:8]), (inputs[8:], labels[8:])])
    return oracle_pruning(weights, alive, probe, **options)


def loss_without(subject, gone):
    model, inputs, labels = subject
    weight = model[0].weight.detach().double().clone()
    weight[list(gone)] = 0
    hidden = F.relu(inputs.double() @ weight.T + model[0].bias.detach().double())
    logits = hidden @ model[2].weight.detach().double().T + model[2].bias.detach().double()
    return float(F.cross_entropy(logits, labels))


def test_no_other_choice_of_filters_has_a_smaller_loss(subject):
    kept = scored(subject, sparsity=0.5)["0.weight"][:, 0].nonzero().flatten().tolist()
    assert len(kept) == 3
    losses = {gone: loss_without(subject, gone) for gone in itertools.combinations(range(6), 3)}
    assert tuple(sorted({*range(6)} - {*kept})) == min(losses, key=losses.__getitem__)


def test_a_selection_of_the_same_share_keeps_what_the_oracle_keeps(subject):
    scores = scored(subject, sparsity=0.5)
    masks = select_masks(
        {"0.weight": scores["0.weight"]}, sparsity=0.5, selection=Selection(structure="filter", scope="tensor")
    )
    assert torch.equal(masks["0.weight"], scores["0.weight"].bool())


def test_of_equal_ways_each_filter_gets_the_share_that_keeps_it(subject):
    model = subject[0]
    with torch.no_grad():  # three pairs of twins
        for part, axis in ((model[0].weight, 0), (model[0].bias, 0), (model[2].weight, 1)):
            part.copy_(part.index_select(axis, torch.tensor([0, 1, 2, 0, 1, 2])))
    scores = scored(subject, sparsity=0.5)["0.weight"][:, 0]
    torch.testing.assert_close(scores[:3], scores[3:])
    assert float(scores.sum()) == pytest.approx(3.0)


def test_dead_filters_are_no_choice(subject):
    alive = {"0.weight": (torch.arange(6) < 3)[:, None].expand(6, 4).clone(), "2.weight": torch.ones(5, 6).bool()}
    scores = scored(subject, alive, sparsity=0.34)
    assert scores["0.weight"][:3].any(1).sum() == 2
    assert not scores["0.weight"][3:].any()


def test_who_keeps_all_searches_nothing_and_one_filter_always_stays(subject):
    assert all(bool((each == 1).all()) for each in scored(subject, sparsity=0.0, most=0).values())
    assert all(int(each.any(1).sum()) == 1 for each in scored(subject, sparsity=0.99).values())


def test_too_many_choices_and_a_share_out_of_range_are_refused(subject):
    with pytest.raises(BadConfig, match="20 ways to keep 3 of the 6 filters of"):
        scored(subject, most=19)
    for sparsity in (-0.1, 1.0):
        with pytest.raises(BadConfig, match="sparsity"):
            scored(subject, sparsity=sparsity)
