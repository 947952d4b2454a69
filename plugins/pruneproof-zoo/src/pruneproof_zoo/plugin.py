"""What `pruneproof` finds through the entry point `zoo`."""

from collections.abc import Iterable

from pruneproof.api import Criterion, Metric, Schedule, Structure, Transform, hookimpl

pruneproof_api = 2


@hookimpl
def pruneproof_criteria() -> Iterable[Criterion]:
    """Scores, some with an update of the survivors."""
    from pruneproof_zoo import (
        chita,
        crop_nodes,
        node_subspace,
        obc,
        opd,
        prospr,
        shapley,
        sparsity_ode,
        woodfisher,
    )

    return [
        obc.OBC,
        woodfisher.WOODFISHER,
        woodfisher.WOODTAYLOR,
        chita.CHITA_BLOCK,
        crop_nodes.CROP_NODES,
        shapley.SHAPLEY,
        shapley.SHAPLEY_PERMUTATIONS,
        shapley.SHAPLEY_PARTIAL,
        shapley.SHAPLEY_REGRESSION,
        prospr.PROSPR,
        opd.OPD,
        sparsity_ode.SPARSITY_ODE,
        node_subspace.NODE_SUBSPACE,
    ]


@hookimpl
def pruneproof_schedules() -> Iterable[Schedule]:
    """CHITA's stages."""
    from pruneproof_zoo.chita_stages import CHITA_EXP, CHITA_MFAC, CHITA_POLY

    return [CHITA_POLY, CHITA_EXP, CHITA_MFAC]


@hookimpl
def pruneproof_structures() -> Iterable[Structure]:
    """Nodes by what reads them."""
    from pruneproof_zoo.nodes import NODE

    return [NODE]


@hookimpl
def pruneproof_transforms() -> Iterable[Transform]:
    """Initialisations and a rescaling by the mask in force."""
    from pruneproof_zoo.rescaling import SBP_RESCALING
    from pruneproof_zoo.sparse_init import LAYER_SCALED_INIT, UNIT_SCALED_INIT

    return [UNIT_SCALED_INIT, LAYER_SCALED_INIT, SBP_RESCALING]


@hookimpl
def pruneproof_metrics() -> Iterable[Metric]:
    """Effective gradient flow."""
    from pruneproof_zoo.gradient_flow import EFFECTIVE_GRADIENT_FLOW

    return [EFFECTIVE_GRADIENT_FLOW]
