import torch

from pruneproof.api import select
from pruneproof.transforms.invert import invert


def test_what_would_be_kept_first_is_pruned_first():
    scores = {"a": torch.tensor([1.0, -5.0, 3.0]), "b": torch.tensor([0.5, 9.0])}
    kept = select(scores, score="given", keep=2)
    turned = select(invert(scores), score="given", keep=3)
    assert (kept & turned).count() == 0
    assert (kept | turned).count() == 5


def test_twice_is_not_at_all():
    scores = {"a": torch.randn(7)}
    assert torch.equal(invert(invert(scores))["a"], scores["a"])
