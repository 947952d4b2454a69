"""Every method obeys the laws of its kind, and those that it claims."""

from pruneproof.testing import parametrize_with_checks
from pruneproof_zoo import plugin

SUBJECTS = [
    *plugin.pruneproof_criteria(),
    *plugin.pruneproof_schedules(),
    *plugin.pruneproof_structures(),
    *plugin.pruneproof_transforms(),
    *plugin.pruneproof_metrics(),
]


@parametrize_with_checks(SUBJECTS, quick=True)
def test_it_conforms(subject, check):
    check(subject)


def test_no_two_have_one_id():
    ids = [each.id for each in SUBJECTS]
    assert len(set(ids)) == len(ids)
