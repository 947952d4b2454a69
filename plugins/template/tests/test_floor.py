"""The floor obeys what every floor must."""

import pytest
from pruneproof_template.floor import TEMPLATE_FLOOR, template_floor

from pruneproof.api import BadConfig
from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_FLOOR])
def test_it_conforms(subject, check):
    check(subject)


def test_with_share_1_it_leaves_no_choice():
    assert template_floor({"a": 10, "b": 90}, 0.5, share=1.0) == {"a": 5, "b": 45}


def test_a_share_above_1_is_refused():
    with pytest.raises(BadConfig, match=r"share 1\.5"):
        template_floor({"a": 10}, 0.5, share=1.5)
