"""The learning-rate schedule obeys what every learning-rate schedule must."""

import pytest
from pruneproof_template.learning_rate_schedule import TEMPLATE_LEARNING_RATE_SCHEDULE, template_learning_rate_schedule

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_LEARNING_RATE_SCHEDULE])
def test_it_conforms(subject, check):
    check(subject)


def test_with_power_1_it_is_a_straight_line():
    assert template_learning_rate_schedule(30, 40, power=1.0) == pytest.approx(0.25)
