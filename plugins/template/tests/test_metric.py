"""The metric obeys what every metric must."""

import torch
from pruneproof_template.metric import TEMPLATE_METRIC, template_metric

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_METRIC])
def test_it_conforms(subject, check):
    check(subject)


def test_filters_without_an_alive_weight_are_counted():
    alive = torch.ones(8, 4, 3, 3, dtype=torch.bool)
    alive[[0, 5]] = False
    alive[1, 0] = False
    assert template_metric({"conv": alive, "fc": torch.ones(10, 8, dtype=torch.bool)}) == 2
