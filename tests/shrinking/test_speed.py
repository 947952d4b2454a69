import torch
from torch import nn

from pruneproof.shrinking.speed import compare_speed


def test_a_network_with_a_thousandth_of_the_work_is_faster():
    large, small = nn.Linear(2048, 2048), nn.Linear(2048, 2)
    speed = compare_speed(large, small, torch.zeros(32, 2048), rounds=7)
    assert speed.rounds == 7
    assert speed.speed_up == speed.before / speed.after > 2


def test_modes_are_left_as_they_were():
    first, second = nn.Sequential(nn.Linear(2, 2), nn.Dropout()), nn.Linear(2, 2).eval()
    first[1].eval()
    compare_speed(first, second, torch.zeros(1, 2), rounds=1)
    assert [part.training for part in first.modules()] == [True, True, False]
    assert not second.training
