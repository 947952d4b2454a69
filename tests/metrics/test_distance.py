import pytest
import torch

from pruneproof.metrics.distance import relative_distance


def test_it_is_the_distance_in_units_of_the_reference_over_all_tensors():
    before = {"a": torch.tensor([3.0]), "b": torch.tensor([[4.0]])}
    after = {"a": torch.tensor([3.0]), "b": torch.tensor([[-6.0]])}
    assert relative_distance(after, before) == pytest.approx(2.0)
    assert relative_distance(before, before) == 0.0
    assert relative_distance(before, {name: 0 * each for name, each in before.items()}) is None
