from pruneproof.testing import parametrize_with_checks

from pruneproof_slim.criterion import FILTER_L1


@parametrize_with_checks([FILTER_L1])
def test_the_criterion_obeys_its_laws(subject, check):
    check(subject)
