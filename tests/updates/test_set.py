"""SET drops as RigL does and grows by chance alone."""

from collections import Counter

import torch

from pruneproof.updates.set import set_


def move(seed, drop=0.5, progress=0.0):
    weights = {"w": torch.tensor([5.0, 4.0, 0.2, 0.1, 0.0, 0.0])}
    return set_(weights, {"w": weights["w"] != 0}, torch.Generator().manual_seed(seed), progress, drop=drop)["w"]


def test_the_largest_stay_and_the_count_is_kept():
    for seed in range(50):
        mask = move(seed)
        assert mask[:2].all()
        assert mask.sum() == 4


def test_every_place_that_is_then_dead_grows_equally_often():
    counts = Counter(int(place) for seed in range(2000) for place in move(seed)[2:].nonzero())
    assert set(counts) == {0, 1, 2, 3}
    assert all(abs(count - 1000) < 120 for count in counts.values())  # five standard deviations


def test_one_seed_one_mask_and_nothing_moves_at_the_end():
    assert torch.equal(move(3), move(3))
    assert any(not torch.equal(move(3), move(seed)) for seed in range(10))
    assert move(3, progress=1.0).tolist() == [True] * 4 + [False] * 2


def test_tensors_draw_in_name_order_whatever_their_order():
    weights = {"b": torch.rand(20), "a": torch.rand(30)}
    alive = {name: torch.arange(len(each)) % 2 == 0 for name, each in weights.items()}
    first = set_(weights, alive, torch.Generator().manual_seed(0), 0.0)
    turned = dict(reversed(weights.items()))
    again = set_(turned, dict(reversed(alive.items())), torch.Generator().manual_seed(0), 0.0)
    assert list(first) == ["b", "a"]
    assert all(torch.equal(first[name], again[name]) for name in weights)
