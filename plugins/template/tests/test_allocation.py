"""The allocation obeys what every allocation must."""

import numpy as np
from pruneproof_template.allocation import TEMPLATE_ALLOCATION, template_allocation

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_ALLOCATION])
def test_it_conforms(subject, check):
    check(subject)


def test_tensors_of_one_size_get_the_same_number():
    weights = {name: np.ones((3, 4)) for name in "abc"}
    assert template_allocation(weights, 18) == {"a": 6, "b": 6, "c": 6}
