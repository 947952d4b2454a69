"""The criterion obeys what every criterion must, and what it claims."""

import torch
from pruneproof_template.criterion import TEMPLATE_CRITERION, template_criterion

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_CRITERION])
def test_it_conforms(subject, check):
    check(subject)


def test_with_power_0_it_ranks_like_magnitude():
    weights = {"a": torch.tensor([3.0, -1.0]), "b": torch.tensor([0.2, -0.1])}
    scores = template_criterion(weights, power=0.0)
    assert all(torch.equal(scores[name], weights[name].abs()) for name in weights)
