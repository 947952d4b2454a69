"""From measurements to verdicts: each claim meets its evidence."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pruneproof.contracts.claims import ClaimTest, Outcome
from pruneproof.contracts.mechanism import Fact
from pruneproof.papers.load import Paper
from pruneproof.papers.printed import check_printed
from pruneproof.papers.record import Cell, ClaimRecord, FactRecord
from pruneproof.papers.schema import Claim, Evidence, MechanismClaim, Operand, PrintedClaim, RerunClaim
from pruneproof.registry.catalog import Catalog
from pruneproof.values.measurements import Measurement

_NO_PARAMETERS: Mapping[str, Any] = MappingProxyType({})


def judge(
    paper: Paper,
    profile: str,
    catalog: Catalog,
    cells: Sequence[Cell],
    facts: Mapping[str, Sequence[Mapping[str, Any]]],
) -> tuple[ClaimRecord, ...]:
    """Return every claim of the paper with its verdict at a profile.

    Args:
        paper: the loaded paper.
        profile: whose evidence counts.
        catalog: the claim tests.
        cells: what was measured.
        facts: mechanism claim id -> facts, for those that ran.
    """
    return tuple(_judge(claim, paper, profile, catalog, cells, facts) for claim in paper.claims.claim)


def _judge(
    claim: Claim,
    paper: Paper,
    profile: str,
    catalog: Catalog,
    cells: Sequence[Cell],
    facts: Mapping[str, Sequence[Mapping[str, Any]]],
) -> ClaimRecord:
    match claim:
        case PrintedClaim():
            outcome, found = check_printed(claim, paper.tables)
            return _record(claim, "printed tables", outcome, facts=found)
        case MechanismClaim():
            if claim.id not in facts:
                return _record(claim, claim.check.id, Outcome("not-run", "left out of this run by --only"))
            found = [Fact(**fact) for fact in facts[claim.id]]
            return _record(claim, claim.check.id, _outcome_of_facts(found), facts=found)
        case RerunClaim():
            evidence = claim.evidence.get(profile)  # type: ignore[call-overload]
            if evidence is None:
                known = ", ".join(claim.evidence) or "no profile yet"
                reason = f"profile {profile} has no experiment for it; planned for: {known}"
                return _record(claim, claim.test.id, Outcome("not-run", reason))
            return _rerun(claim, evidence, catalog, cells)


def _rerun(claim: RerunClaim, evidence: Evidence, catalog: Catalog, cells: Sequence[Cell]) -> ClaimRecord:
    by_seed = [values for operand in evidence.operands for values in _values(operand, cells)]
    operands = tuple(
        f"{each.run}/{each.method} {each.metric} at sparsity {each.sparsity:g}" for each in evidence.operands
    )
    absent = [name for name, each in zip(operands, evidence.operands, strict=True) if not any(_values(each, cells))]
    parameters = claim.test.options | evidence.parameters
    if absent:
        outcome = Outcome("not-run", f"nothing was measured for {absent[0]}")
    else:
        seeds = sorted(set.intersection(*(set(values) for values in by_seed)))
        samples = [[values[seed] for seed in seeds] for values in by_seed]
        outcome = catalog.get(ClaimTest, claim.test.id).decide(samples, **parameters)
    return _record(claim, claim.test.id, outcome, parameters=parameters, operands=operands, note=evidence.note)


def _values(operand: Operand, cells: Sequence[Cell]) -> list[dict[int, float]]:
    """Return seed -> metric for the cells that an operand names; for `densities` one such mapping per tensor."""
    wanted = (operand.run, operand.method, operand.sparsity)
    measured = {
        cell.seed: Measurement.from_json(cell.measurement)
        for cell in cells
        if (cell.run, cell.method, cell.sparsity) == wanted
    }
    if operand.metric == "densities":
        tensors = sorted({name for each in measured.values() for name in each.densities})
        return [{seed: each.densities[name] for seed, each in measured.items()} for name in tensors]
    found: dict[int, float] = {}
    for seed, each in measured.items():
        value = len(each.empty_tensors) if operand.metric == "empty_tensors" else getattr(each, operand.metric)
        found[seed] = math.nan if value is None else float(value)  # a diverged network has no loss; the test says so
    return [found]


def _outcome_of_facts(facts: Sequence[Fact]) -> Outcome:
    false = [fact for fact in facts if not fact.holds]
    if false:
        first = f"{false[0].statement}: expected {false[0].expected}, found {false[0].found}"
        reason = f"{len(false)} of {len(facts)} facts are false; first: {first}"
        return Outcome("fails", reason, n=len(facts))
    return Outcome("holds", f"all {len(facts)} facts hold exactly", n=len(facts))


def _record(
    claim: Claim,
    test: str,
    outcome: Outcome,
    *,
    facts: Sequence[Fact] = (),
    parameters: Mapping[str, Any] = _NO_PARAMETERS,
    operands: tuple[str, ...] = (),
    note: str = "",
) -> ClaimRecord:
    return ClaimRecord(
        id=claim.id,
        kind=claim.kind,
        text=claim.text,
        where=claim.where,
        strength=claim.strength,
        reported=claim.reported,
        unit=claim.unit,
        test=test,
        parameters=dict(parameters),
        verdict=outcome.verdict,
        reason=outcome.reason,
        value=outcome.value,
        low=outcome.low,
        high=outcome.high,
        level=outcome.level,
        n=outcome.n,
        seeds_needed=outcome.seeds_needed,
        facts=tuple(FactRecord.model_validate(fact.to_json()) for fact in facts),
        operands=operands,
        note=note,
    )
