"""The regularizer obeys what every regularizer must."""

import torch
from pruneproof_template.regularizer import TEMPLATE_REGULARIZER, template_regularizer

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_REGULARIZER])
def test_it_conforms(subject, check):
    check(subject)


def test_it_presses_nothing_at_first_and_all_weights_alike_later():
    weight = torch.tensor([1.0, -3.0], requires_grad=True)
    for progress, force in ((0.0, 0.0), (0.5, 1.0)):
        (slope,) = torch.autograd.grad(template_regularizer({"a": weight}, progress, factor=2.0), weight)
        assert slope.tolist() == [force, -force]
