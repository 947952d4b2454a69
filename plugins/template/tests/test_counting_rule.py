"""The counting rule obeys what every counting rule must."""

import pytest
from pruneproof_template.counting_rule import TEMPLATE_COUNTING_RULE, template_counting_rule

from pruneproof.api import BadConfig
from pruneproof.testing import parametrize_with_checks


@parametrize_with_checks([TEMPLATE_COUNTING_RULE])
def test_it_conforms(subject, check):
    check(subject)


@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9, 0.99])
def test_the_number_of_survivors_is_a_multiple(sparsity):
    assert template_counting_rule(1000, sparsity, multiple=7) % 7 == 0


def test_multiples_of_nothing_are_refused():
    with pytest.raises(BadConfig, match="multiples of 0"):
        template_counting_rule(1000, 0.5, multiple=0)
