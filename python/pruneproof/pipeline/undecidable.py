"""Claims that a plan has too few seeds to decide, whatever comes out of it."""

from pruneproof.contracts.claims import ClaimTest
from pruneproof.papers.paper import Paper
from pruneproof.papers.registration import registrable
from pruneproof.pipeline.plan import Plan
from pruneproof.registry.catalog import Catalog


def undecidable(paper: Paper, plan: Plan, catalog: Catalog) -> dict[str, tuple[int, int]]:
    """Return claim -> (seeds that the plan has for it, fewest that its test needs); not of claims without seeds."""
    found = {}
    for name, claim in registrable(paper, plan.profile).items():
        evidence, test = claim.evidence[plan.profile], catalog.get(ClaimTest, claim.test.id)
        wanted = {(each.run, each.method, each.sparsity) for each in evidence.operands}
        seeds = [
            {cell.seed for cell in plan.cells if (cell.run, cell.method, cell.sparsity) == operand}
            for operand in wanted
        ]
        planned = len(set.intersection(*seeds))
        needed = test.fewest(**claim.test.options | evidence.parameters) if test.fewest else 0
        if 0 < planned < needed:
            found[name] = (planned, needed)
    return found
