from pruneproof.testing import parametrize_with_checks
from pruneproof_wanda import SPARSEGPT, WANDA


@parametrize_with_checks([WANDA, SPARSEGPT])
def test_a_criterion_obeys_its_laws(subject, check):
    check(subject)
