"""All built-in mechanism checks."""

from pruneproof.api import Mechanism
from pruneproof.mechanisms import filter_release, gradient_flow, jacobians, scale_invariance
from pruneproof.mechanisms.allocations import FLOPS_IDENTITY, LAMP_NEVER_EMPTIES, NETWORK_SIZE
from pruneproof.mechanisms.collapse import COLLAPSE_AT_INIT, COLLAPSE_MEANS_CONSTANT_OUTPUT, DEAD_GRADIENTS
from pruneproof.mechanisms.counts import EXACT_COUNTS
from pruneproof.mechanisms.filter_sizes import FILTER_PRUNED_SIZE
from pruneproof.mechanisms.floors import FEASIBLE_SPARSITY, FLOOR_INVARIANTS, FLOOR_PRICE, RELEASED_FLOOR_STALLS
from pruneproof.mechanisms.loss_models import PENALTY_LIMIT, SPECIAL_CASES, STEPS_WITHOUT_SCORING
from pruneproof.mechanisms.order import GLOBAL_DOMINANCE, NESTED_MASKS
from pruneproof.mechanisms.pool import PRUNABLE_POOL
from pruneproof.mechanisms.scale import SCALE_SENSITIVITY

MECHANISMS: tuple[Mechanism, ...] = (
    EXACT_COUNTS,
    GLOBAL_DOMINANCE,
    NESTED_MASKS,
    PRUNABLE_POOL,
    SCALE_SENSITIVITY,
    COLLAPSE_AT_INIT,
    COLLAPSE_MEANS_CONSTANT_OUTPUT,
    DEAD_GRADIENTS,
    FLOOR_INVARIANTS,
    RELEASED_FLOOR_STALLS,
    FLOOR_PRICE,
    FEASIBLE_SPARSITY,
    LAMP_NEVER_EMPTIES,
    FLOPS_IDENTITY,
    NETWORK_SIZE,
    FILTER_PRUNED_SIZE,
    STEPS_WITHOUT_SCORING,
    PENALTY_LIMIT,
    SPECIAL_CASES,
    *gradient_flow.MECHANISMS,
    *scale_invariance.MECHANISMS,
    *filter_release.MECHANISMS,
    *jacobians.MECHANISMS,
)
