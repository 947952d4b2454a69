import json

import pytest
import torch
from torch import nn

from pruneproof.api import BadTensor, MaskSet
from pruneproof.shrinking.removal import slim
from pruneproof.shrinking.shape import Cut, Shape


@pytest.fixture
def slimmed(nets):
    """A residual network with half of its filters dead: the full one, its masks and what is left."""
    model = nets.network("wrn", (3, 8, 8), depth=10, width=2)
    masks = nets.half_of_the_filters(model, nets.by_id["wrn"].prunable(model)[:-1])
    return model, masks, slim(model, masks, torch.zeros(1, 3, 8, 8))


def test_a_shape_survives_json_and_rebuilds_the_network_name_for_name(nets, slimmed):
    _, _, small = slimmed
    shape = Shape.from_json(json.loads(json.dumps(small.shape.to_json())))
    assert shape == small.shape
    rebuilt = nets.network("wrn", (3, 8, 8), depth=10, width=2)
    shape.apply_(rebuilt)
    assert list(rebuilt.state_dict()) == list(small.model.state_dict())
    rebuilt.load_state_dict(small.model.state_dict())
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(rebuilt.eval()(x), small.model.eval()(x))
    assert repr(rebuilt) == repr(small.model)


def test_a_bias_that_stands_for_constants_is_rebuilt():
    def build():
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 3, 3, bias=False))

    model = build()
    model[0].bias.data = torch.tensor([0.0, 0.7])
    masks = MaskSet.from_tensors({"0.weight": torch.tensor([1, 0]).reshape(2, 1, 1, 1).expand(2, 1, 3, 3)})
    small = slim(model, masks, torch.zeros(1, 1, 8, 8))
    assert small.shape.biases == ("2",)
    rebuilt = build()
    small.shape.apply_(rebuilt)
    rebuilt.load_state_dict(small.model.state_dict())


def test_masks_of_the_smaller_network_are_those_of_the_tensors_that_stay(slimmed):
    _, masks, small = slimmed
    left = small.shape.of_masks(masks, small.model)
    state = small.model.state_dict()
    assert {name: tuple(state[name].shape) for name in left} == dict(left.shapes)
    for name in left:
        kept = [each for each in range(len(masks[name])) if each not in small.removed.get(name, ())]
        dead = {kept.index(each) for of in small.kept if of.weight == name for each in of.filters}
        assert set((left.row_counts(name) == 0).nonzero()[0].tolist()) == dead
        assert not state[name][~left[name]].any()


def test_a_dead_weight_that_carries_a_constant_is_alive():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3, padding=1))
    model[0].bias.data = torch.tensor([0.0, 0.7, 0.3])
    first, second = torch.ones(3, 1, 3, 3), torch.ones(2, 3, 3, 3)
    first[1:] = 0
    second[0, 1], second[1] = 0, 0  # what reads the carrier is dead, and one filter as a whole
    masks = MaskSet.from_tensors({"0.weight": first, "2.weight": second})
    small = slim(model, masks, torch.zeros(1, 1, 8, 8))
    assert small.removed == {"0.weight": (2,)}
    left = small.shape.of_masks(masks, small.model)
    assert left["2.weight"][0].all()  # the first filter reads 0.3 by the weights for 0.7
    assert not left["2.weight"][1].any()


def test_a_shape_of_another_network_is_refused():
    for shape, words in (
        (Shape({"fc": Cut((0,))}), 'module "fc"'),
        (Shape({"": Cut((3,))}), "indices beyond"),
        (Shape({}, ("fc",)), 'module "fc"'),
    ):
        with pytest.raises(BadTensor, match=words):
            shape.apply_(nn.Linear(2, 3))


def test_depthwise_convolutions_and_slopes_lose_what_goes_through_them():
    model = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.PReLU(4), nn.InstanceNorm2d(4), nn.BatchNorm2d(4))
    Shape({str(place): Cut((1, 2)) for place in range(4)}).apply_(model)
    assert model(torch.randn(3, 2, 8, 8)).shape == (3, 2, 6, 6)
    assert (model[0].groups, model[1].num_parameters, model[2].num_features, model[3].num_features) == (2, 2, 2, 2)
    assert model[3].running_var.shape == (2,)
