"""The scale of a filter is that of the normalisation behind its layer."""

import torch
from torch import nn

from pruneproof.training.normalisation import followers, scales


def test_it_is_found_behind_the_activation_and_is_one_where_there_is_none_of_its_width():
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, bias=False),
        nn.ReLU(),
        nn.BatchNorm2d(2),
        nn.Conv2d(2, 3, 3),
        nn.BatchNorm2d(3, affine=False),
    )
    with torch.no_grad():
        network[2].weight.copy_(torch.tensor([0.5, -2.0]))
    found = scales(network, ["0.weight", "3.weight"])
    assert {name: each.tolist() for name, each in found.items()} == {"0.weight": [0.5, -2.0], "3.weight": [1.0] * 3}


def test_another_layer_between_makes_it_the_other_layer_s():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        network[2].weight.fill_(3.0)
    assert scales(network, ["0.weight"])["0.weight"].tolist() == [1.0, 1.0]
    assert scales(network, ["1.weight"])["1.weight"].tolist() == [3.0, 3.0]


def test_it_is_a_copy():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    scales(network, ["0.weight"])["0.weight"].zero_()
    assert network[1].weight.tolist() == [1.0, 1.0]


def test_what_follows_is_the_module_itself_and_nothing_where_none_does():
    network = nn.Sequential(
        nn.Linear(2, 2), nn.ReLU(), nn.BatchNorm1d(2), nn.Linear(2, 3), nn.BatchNorm1d(3, affine=False)
    )
    assert followers(network, ["0.weight", "3.weight"]) == {"0.weight": network[2]}
