import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call

from pruneproof.api import select
from pruneproof.contracts.model import conv_and_linear
from pruneproof.criteria.grasp import GRASP, GRASP_ABSOLUTE, grasp
from pruneproof.errors import BadConfig
from pruneproof.training.probe import ModelProbe
from pruneproof.training.scoring import score


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Softplus(), nn.Linear(7, 6), nn.Tanh(), nn.Linear(6, 3)).double()


def samples() -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(20, 5, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (20,), generator=generator)
    return [(x[:13], y[:13]), (x[13:], y[13:])]


def squared_gradient_norm(weights: dict[str, torch.Tensor], temperature: float) -> float:
    """‖∂L/∂w‖² over the prunable weights, by plain autograd on all samples at once."""
    x, y = (torch.cat(parts) for parts in zip(*samples(), strict=True))
    leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    loss = F.cross_entropy(functional_call(network(), leaves, (x,)) / temperature, y)
    return float(sum(part.square().sum() for part in torch.autograd.grad(loss, list(leaves.values()))))


@pytest.mark.parametrize("temperature", [1.0, 200.0])
def test_twice_the_score_is_the_fall_of_the_squared_gradient_norm_when_a_weight_shrinks(temperature):
    model = network()
    names = conv_and_linear(model)
    scores = score(GRASP, {"temperature": temperature}, model, names, None, samples(), torch.Generator())
    weights = {name: model.get_parameter(name).detach() for name in names}
    for name in names:
        for index in (0, scores[name].numel() // 2):
            norms = []
            for factor in (1 + 1e-4, 1 - 1e-4):
                moved = weights[name].clone()
                moved.view(-1)[index] *= factor
                norms.append(squared_gradient_norm({**weights, name: moved}, temperature))
            fall = (norms[0] - norms[1]) / 2e-4
            assert fall == pytest.approx(2 * float(scores[name].view(-1)[index]), rel=1e-4)


def test_removing_the_lowest_scores_raises_the_gradient_norm_and_removing_the_highest_lowers_it():
    model = network()
    names = conv_and_linear(model)
    weights = {name: model.get_parameter(name).detach() for name in names}
    scores = grasp(weights, ModelProbe(model, names, None, samples()), temperature=1.0)
    base = squared_gradient_norm(weights, 1.0)

    def shrunk(sign: int) -> float:
        chosen = {name: torch.where(sign * scores[name] > 0, 1 - 1e-3, 1.0) for name in names}
        return squared_gradient_norm({name: weights[name] * chosen[name] for name in names}, 1.0)

    assert shrunk(sign=-1) > base > shrunk(sign=+1)


def test_the_default_temperature_is_that_of_the_authors_code_and_changes_the_ranking():
    model = network()
    names = conv_and_linear(model)

    def order(options: dict[str, float]) -> list[int]:
        scores = score(GRASP, options, model, names, None, samples(), torch.Generator())
        return torch.cat([scores[name].flatten() for name in names]).argsort().tolist()

    assert order({}) == order({"temperature": 200.0})
    assert order({}) != order({"temperature": 1.0})


def test_a_temperature_of_zero_is_refused():
    model = network()
    with pytest.raises(BadConfig, match="temperature"):
        score(GRASP, {"temperature": 0.0}, model, conv_and_linear(model), None, samples(), torch.Generator())


def test_on_a_quadratic_of_curvatures_1_and_2_the_second_weight_is_kept():
    class Bowl:
        curvature, theta = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0])

        def gradients(self, *, temperature):
            return {"theta": self.curvature * self.theta}

        def hessian_vector(self, vector, *, temperature):
            return {"theta": self.curvature * vector["theta"]}

    assert grasp({"theta": Bowl.theta}, Bowl())["theta"].tolist() == [1.0, 4.0]
    assert select({"theta": grasp({"theta": Bowl.theta}, Bowl())["theta"]}, score="given", sparsity=0.5)[
        "theta"
    ].tolist() == [False, True]


def test_the_absolute_variant_is_the_size_of_the_signed_and_ranks_otherwise():
    model = network()
    names = conv_and_linear(model)
    signed, absolute = (
        score(each, {}, model, names, None, samples(), torch.Generator()) for each in (GRASP, GRASP_ABSOLUTE)
    )
    assert all(torch.equal(absolute[name], signed[name].abs()) for name in names)
    assert any((signed[name] < 0).any() for name in names)
