from pruneproof.testing import parametrize_with_checks
from pruneproof_wanda.criterion import WANDA


@parametrize_with_checks([WANDA])
def test_the_criterion_obeys_its_laws(subject, check):
    check(subject)
