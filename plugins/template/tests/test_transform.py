"""The transform obeys what every transform must, and keeps what it promises."""

import torch
from pruneproof_template.transform import TEMPLATE_TRANSFORM, template_transform

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_TRANSFORM])
def test_it_conforms(subject, check):
    check(subject)


def test_all_alive_weights_of_a_tensor_get_the_same_magnitude_and_keep_their_signs():
    weights = {"a": torch.tensor([[1.0, -2.0], [0.0, 3.0]])}
    state = template_transform(weights, {"a": weights["a"] != 0}).state
    assert state["a"].tolist() == [[2.0, -2.0], [0.0, 2.0]]
