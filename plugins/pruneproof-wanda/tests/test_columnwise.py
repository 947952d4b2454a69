"""SparseGPT as a criterion: vectors by hand, the matrix function, and a network pruned by a paper's own machinery."""

import pytest
import torch
from torch import nn

from pruneproof.api import BadConfig, BadTensor, Scored, conv_and_linear, select
from pruneproof.training.scoring import scored
from pruneproof_wanda import SPARSEGPT, sparsegpt
from pruneproof_wanda.columnwise import columnwise


class Given:
    """A probe of given second moments, (inputs, inputs) each."""

    def __init__(self, **grams):
        self.grams = grams

    def layer_gram(self):
        return {name: torch.as_tensor(each, dtype=torch.float64)[None] for name, each in self.grams.items()}


def problem(outputs=6, inputs=12, samples=40, seed=0):
    draw = torch.Generator().manual_seed(seed)
    mixing = torch.randn(inputs, inputs, dtype=torch.float64, generator=draw)
    weight = torch.randn(outputs, inputs, dtype=torch.float64, generator=draw)
    return weight, torch.randn(samples, inputs, dtype=torch.float64, generator=draw) @ mixing


def test_two_weights_by_hand():
    found = columnwise({"w": torch.ones(1, 2)}, Given(w=[[2.0, 1.0], [1.0, 2.0]]), dampening=0.0)
    assert found.scores["w"][0].tolist() == pytest.approx([1.5, 2.0])  # Optimal Brain Surgeon scores both 1.5
    assert found.update({"w": torch.tensor([[False, True]])})["w"].tolist() == [[0.0, 1.5]]
    assert found.update({"w": torch.tensor([[True, False]])})["w"].tolist() == [[1.0, 0.0]]  # the left one stays


@pytest.mark.parametrize("seed", range(3))
def test_for_the_mask_that_the_matrix_function_chooses_from_one_slice_it_ends_at_the_same_weights(seed):
    weight, x = problem(seed=seed)
    expected, mask = sparsegpt(weight, x.T @ x, sparsity=0.55, columns=12)
    found = columnwise({"w": weight}, Given(w=x.T @ x / len(x)))
    assert torch.equal(select({"w": found.scores["w"]}, score="given", sparsity=0.55)["w"], mask)
    torch.testing.assert_close(found.update({"w": mask})["w"], expected)


def test_the_loss_of_the_update_is_the_sum_of_what_each_column_lost():
    weight, x = problem()
    gram = x.T @ x / len(x)
    found = columnwise({"w": weight}, Given(w=gram), dampening=0.0)
    for column in range(12):
        mask = torch.ones_like(weight, dtype=torch.bool)
        mask[:, column] = False
        delta = found.update({"w": mask})["w"] - weight
        assert not delta[:, :column].any()
        torch.testing.assert_close(((delta @ gram) * delta).sum(1), found.scores["w"][:, column])


def test_without_correlation_nothing_moves():
    weight, _ = problem()
    found = columnwise({"w": weight}, Given(w=torch.eye(12)))
    mask = weight.abs() > 0.5
    assert torch.equal(found.update({"w": mask})["w"], torch.where(mask, weight, 0.0))


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(24, 6), nn.Tanh(), nn.Linear(6, 3)
    ).double()


def test_in_a_network_each_layer_s_outputs_change_less_than_without_the_update():
    model = network()
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(64, 4, 4, 4, generator=draw)
    names = conv_and_linear(model)
    found = scored(SPARSEGPT, {}, model, names, None, [(x, torch.zeros(64, dtype=torch.int64))], draw)
    assert isinstance(found, Scored)
    masks = select(found.scores, score="given", scope="tensor", sparsity=0.5)
    moved = found.update(masks.to_tensors())
    inputs = {"0.weight": x.double()}
    with torch.no_grad():
        inputs["3.weight"] = model[:3](inputs["0.weight"])
        inputs["5.weight"] = model[:5](inputs["0.weight"])
        for name in names:
            layer = model.get_submodule(name.removesuffix(".weight"))
            before, weight = layer(inputs[name]), layer.weight.clone()
            lost = {}
            for kind, changed in (("updated", moved[name]), ("cut", weight * masks[name])):
                layer.weight.copy_(changed)
                lost[kind] = float((layer(inputs[name]) - before).square().sum())
            layer.weight.copy_(weight)
            assert lost["updated"] < lost["cut"]
            assert not moved[name][~masks[name]].any()


def test_what_cannot_be_inverted_is_refused_by_name_and_so_is_a_negative_dampening():
    with pytest.raises(BadTensor, match=r'"w": the Hessian .* no inverse at dampening 0'):
        columnwise({"w": torch.ones(1, 2)}, Given(w=torch.ones(2, 2)), dampening=0.0)
    with pytest.raises(BadConfig, match=r"dampening -0\.1"):
        columnwise({"w": torch.ones(1, 2)}, Given(w=torch.eye(2)), dampening=-0.1)
