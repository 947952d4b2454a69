"""All built-in claim tests."""

from pruneproof.api import ClaimTest
from pruneproof.claim_tests.agreement import agreement
from pruneproof.claim_tests.best_of_many import chosen_difference, chosen_equivalence, relative_gain
from pruneproof.claim_tests.collapse import collapse, repair
from pruneproof.claim_tests.crossing import sign_change, some_sign_change
from pruneproof.claim_tests.many_methods import local_correlation, rank_correlation, spread_ratio
from pruneproof.claim_tests.medians import distance, equivalence, paired_difference, threshold
from pruneproof.claim_tests.recipes import crossed_recipes
from pruneproof.claim_tests.trend import monotone_trend

CLAIM_TESTS: tuple[ClaimTest, ...] = (
    paired_difference,
    equivalence,
    distance,
    threshold,
    sign_change,
    some_sign_change,
    crossed_recipes,
    monotone_trend,
    collapse,
    repair,
    agreement,
    chosen_difference,
    chosen_equivalence,
    relative_gain,
    rank_correlation,
    local_correlation,
    spread_ratio,
)
