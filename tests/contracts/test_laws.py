from dataclasses import replace

import pytest

from pruneproof.api import Criterion, Model, Schedule, Source
from pruneproof.criteria.magnitude import MAGNITUDE
from pruneproof.errors import BadPlugin
from pruneproof.schedules.linear import LINEAR
from pruneproof.selection.given import GIVEN

SOURCE = Source("A. Tester", 2020, "A paper of seconds")


def score(weights):
    return weights


@pytest.mark.parametrize(
    ("laws", "failures", "named"),
    [
        ({"sing-invariant"}, {}, 'Nearest: "sign-invariant"'),
        ({"homogeneous-K"}, {}, '"homogeneous-K"'),
        ({"homogeneous-one"}, {}, '"homogeneous-one"'),
        ({"homogeneous-01"}, {}, '"homogeneous-01"'),
        ({"finite"}, {}, "all obey"),
        (set(), {"fnite": "no"}, 'Nearest: "finite"'),
        (set(), {"finite": " "}, "without a reason"),
        ({"data-free"}, {"data-free": "sometimes"}, "one of the two"),
    ],
)
def test_a_law_outside_the_vocabulary_or_declared_wrongly_is_refused_by_name(laws, failures, named):
    with pytest.raises(BadPlugin) as caught:
        Criterion("mine", score, SOURCE, laws=frozenset(laws), expected_failures=failures).check()
    assert named in str(caught.value)
    assert 'criterion "mine"' in str(caught.value)


def test_any_degree_of_homogeneity_can_be_claimed():
    replace(MAGNITUDE, laws=frozenset({"homogeneous-0", "homogeneous-12"})).check()


@pytest.mark.parametrize("value", [LINEAR, GIVEN, Model("net", score, SOURCE)])
def test_other_kinds_declare_failures_of_their_own_laws_only(value):
    value.check()
    with pytest.raises(BadPlugin, match=f'"{value.id}" expects to fail the law "sign-invariant"'):
        replace(value, expected_failures={"sign-invariant": "no"}).check()


def test_schedules_may_expect_a_failure_with_a_reason():
    Schedule("odd", score, SOURCE, expected_failures={"monotone": "weights come back"}).check()
