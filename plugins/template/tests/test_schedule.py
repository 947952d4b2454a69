"""The schedule obeys what every schedule must."""

import pytest
from pruneproof_template.schedule import TEMPLATE_SCHEDULE, template_schedule

from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_SCHEDULE])
def test_it_conforms(subject, check):
    check(subject)


def test_half_way_it_has_half_of_the_target():
    assert template_schedule(0.8, 10)[4] == pytest.approx(0.4)
