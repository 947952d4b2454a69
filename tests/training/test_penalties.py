"""What a regularizer is given, step by step, and what it may not answer."""

import pytest
import torch
from torch import nn

from pruneproof.api import Regularizer, Source
from pruneproof.errors import BadConfig, BadPlugin
from pruneproof.regularizers.greg import GREG_1
from pruneproof.training.penalties import RegularizerPenalty
from pruneproof.values.masks import MaskSet

SOURCE = Source("A. Reader", 2026, "An example")


def network():
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def masks(rows):
    return MaskSet.from_tensors({"weight": torch.tensor(rows, dtype=torch.bool)})


def penalty(function, model=None, marked=None, **options):
    return RegularizerPenalty(Regularizer("mine", function, SOURCE), options, model or network(), ["weight"], marked)


def test_it_is_given_what_it_asks_for():
    def look(weights, parameters, alive, marked, start, step, progress):
        seen.update(locals())
        return weights["weight"].square().sum()

    seen, model = {}, network()
    begun = model.weight.detach().clone()
    chosen = penalty(look, model, marked=masks([[1, 0, 1], [1, 1, 1]]))
    with torch.no_grad():
        model.weight[0, 1] += 1.0
    found = chosen(7, 0.25, masks([[1, 1, 1], [0, 1, 1]]))
    assert seen["weights"]["weight"] is model.weight
    assert set(seen["parameters"]) == {"weight", "bias"}
    assert seen["alive"]["weight"].tolist() == [[True, True, True], [False, True, True]]
    assert seen["marked"]["weight"].tolist() == [[False, True, False], [False, False, False]]
    assert torch.equal(seen["start"]["weight"], begun)
    assert (seen["step"], seen["progress"]) == (7, 0.25)
    found.backward()
    torch.testing.assert_close(model.weight.grad, 2 * model.weight.detach())


def test_biases_that_go_with_their_filter_are_not_marked():
    both = MaskSet.from_tensors({"weight": torch.tensor([[0, 0, 0], [1, 1, 1]]), "bias": torch.tensor([0, 1])})
    found = penalty(GREG_1.penalty, model := network(), marked=both, delta=1.0)(0, 0.0, None)
    torch.testing.assert_close(found, model.weight[0].square().sum() / 2)


def test_without_a_mask_all_are_alive():
    chosen = penalty(lambda weights, alive: (weights["weight"] * ~alive["weight"]).abs().sum())
    assert float(chosen(0, 0.0, None).detach()) == 0.0


def test_options_reach_it():
    assert float(penalty(lambda weights, *, factor=1.0: torch.tensor(factor), factor=3.0)(0, 0.0, None)) == 3.0


def test_marked_weights_that_nobody_marked_are_refused_with_what_to_write():
    with pytest.raises(BadConfig, match="apply = false"):
        RegularizerPenalty(GREG_1, {}, network(), ["weight"], None)


@pytest.mark.parametrize("answer", [1.0, torch.ones(2), None])
def test_an_answer_that_is_no_scalar_is_refused(answer):
    with pytest.raises(BadPlugin, match='"mine" answered'):
        penalty(lambda weights: answer)(0, 0.0, None)


def test_a_tensor_of_one_number_counts_as_a_scalar():
    assert penalty(lambda weights: torch.ones(1, 1))(0, 0.0, None).shape == ()


def test_scales_and_shifts_are_the_normalisation_s_own_parameters_where_one_follows():
    def pull(weights, scales, shifts):
        seen.update(locals())
        return (scales["0.weight"] * torch.tensor([1.0, 2.0])).sum() + shifts["0.weight"].sum()

    seen, model = {}, nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    RegularizerPenalty(Regularizer("mine", pull, SOURCE), {}, model, ["0.weight", "2.weight"], None)(
        0, 0.0, None
    ).backward()
    assert list(seen["scales"]) == list(seen["shifts"]) == ["0.weight"]
    assert model[1].weight.grad.tolist() == [1.0, 2.0]
    assert model[1].bias.grad.tolist() == [1.0, 1.0]
