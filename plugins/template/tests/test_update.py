"""The update obeys what every update must, and what it claims."""

import torch
from pruneproof_template.update import TEMPLATE_UPDATE, template_update

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_UPDATE])
def test_it_conforms(subject, check):
    check(subject)


def test_without_dropping_nothing_moves():
    alive = {"a": torch.tensor([True, False, True])}
    weights, grads = {"a": torch.tensor([1.0, 0.0, 2.0])}, {"a": torch.tensor([0.0, 9.0, 0.0])}
    assert torch.equal(template_update(weights, alive, grads, drop=0.0)["a"], alive["a"])
