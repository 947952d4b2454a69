"""The laws that the passports claim, on a real network, with every other ingredient held still."""

import pytest
import torch
from torch import nn

from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.model import conv_and_linear
from pruneproof.criteria.catalogue import CRITERIA
from pruneproof.training.probe import gather, score

KNOWN = {"data-free", "sign-invariant", "scale-covariant", "layer-conserving"}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False)).double()


def batches(seed: int = 1) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [(torch.randn(9, 1, 4, 4, generator=generator), torch.randint(3, (9,), generator=generator))]


def claiming(law: str) -> list[Criterion]:
    return [criterion for criterion in CRITERIA if law in criterion.laws]


def with_weights(criterion: Criterion, change) -> dict[str, torch.Tensor]:
    """Scores where `change` is applied to the weights alone."""
    model = network()
    given = gather(model, conv_and_linear(model), None, batches(), torch.Generator(), criterion.ingredients)
    given["weights"] = {name: change(weight) for name, weight in given["weights"].items()}
    return dict(criterion.score(**given))


def test_passports_are_valid_and_unique():
    for criterion in CRITERIA:
        criterion.check()
        assert criterion.laws <= KNOWN
    assert len({criterion.id for criterion in CRITERIA}) == len(CRITERIA)


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda each: each.id)
def test_the_same_seed_gives_the_same_scores(criterion):
    model = network()
    first, again = (
        score(criterion, {}, model, conv_and_linear(model), None, batches(), torch.Generator().manual_seed(3))
        for _ in range(2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("criterion", claiming("data-free"), ids=lambda each: each.id)
def test_data_free_criteria_give_the_same_scores_on_other_data(criterion):
    model = network()
    one, other = (
        score(criterion, {}, model, conv_and_linear(model), None, batches(seed), torch.Generator()) for seed in (1, 2)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("criterion", claiming("sign-invariant"), ids=lambda each: each.id)
def test_sign_invariant_criteria_do_not_see_the_signs_of_the_weights(criterion):
    plain, flipped = with_weights(criterion, lambda weight: weight), with_weights(criterion, torch.neg)
    assert all(torch.equal(plain[name], flipped[name]) for name in plain)


@pytest.mark.parametrize("criterion", claiming("scale-covariant"), ids=lambda each: each.id)
def test_scale_covariant_criteria_scale_with_the_weights(criterion):
    plain, scaled = with_weights(criterion, lambda weight: weight), with_weights(criterion, lambda weight: 4.0 * weight)
    assert all(torch.equal(4.0 * plain[name], scaled[name]) for name in plain)


@pytest.mark.parametrize("criterion", claiming("layer-conserving"), ids=lambda each: each.id)
def test_layer_conserving_criteria_give_every_layer_the_same_total(criterion):
    model = network()
    scores = score(criterion, {}, model, conv_and_linear(model), None, batches(), torch.Generator())
    first, *others = (each.sum() for each in scores.values())
    for other in others:
        torch.testing.assert_close(other, first)


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda each: each.id)
def test_expected_failures_do_fail(criterion):
    assert not criterion.laws & criterion.expected_failures.keys()
    if "sign-invariant" in criterion.expected_failures:
        plain, flipped = with_weights(criterion, lambda weight: weight), with_weights(criterion, torch.neg)
        assert any(not torch.equal(plain[name], flipped[name]) for name in plain)
