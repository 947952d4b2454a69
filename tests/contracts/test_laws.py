from dataclasses import replace

import pytest

from pruneproof.api import Criterion, Source
from pruneproof.criteria.magnitude import MAGNITUDE
from pruneproof.errors import BadPlugin
from pruneproof.registry.catalog import build_catalog
from pruneproof.registry.kinds import KINDS
from pruneproof.registry.passports import check

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
        check(Criterion("mine", score, SOURCE, laws=frozenset(laws), expected_failures=failures))
    assert named in str(caught.value)
    assert 'criterion "mine"' in str(caught.value)


def test_any_degree_of_homogeneity_can_be_claimed():
    check(replace(MAGNITUDE, laws=frozenset({"homogeneous-0", "homogeneous-12"})))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.laws], ids=lambda kind: kind.noun)
def test_each_kind_declares_failures_of_its_own_laws_only(kind):
    value = next(iter(build_catalog(["builtin"], of=[kind.of]).entries(kind.of).values())).value
    check(value)
    check(replace(value, expected_failures=dict.fromkeys(kind.laws, "for a reason")))
    with pytest.raises(BadPlugin, match=rf'{kind.noun} "{value.id}" \(.*\) expects to fail the law "no-such-law"'):
        check(replace(value, expected_failures={"no-such-law": "no"}))
