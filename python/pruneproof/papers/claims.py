"""From measurements to verdicts: each claim meets its evidence, by its kind."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from pruneproof.contracts.claims import ClaimTest, Outcome, ValueScale, Verdict
from pruneproof.contracts.functions import options
from pruneproof.contracts.mechanism import Fact
from pruneproof.contracts.metric import Metric
from pruneproof.errors import UnknownName
from pruneproof.papers.looks import FIRST, Looks, decide
from pruneproof.papers.operands import resolution_of, said, samples_of, shared_seeds
from pruneproof.papers.paper import Paper
from pruneproof.papers.printed import check_printed
from pruneproof.papers.record import Cell, ClaimRecord, FactRecord
from pruneproof.papers.schema import Claim, MechanismClaim, PrintedClaim, RerunClaim, SetupClaim
from pruneproof.papers.setups import compare_setups
from pruneproof.registry.catalog import Catalog, blame_plugin
from pruneproof.statistics import holm

_NO_PARAMETERS: Mapping[str, Any] = MappingProxyType({})
PLAIN_VALUE = ValueScale()
FAMILY_ERROR = 0.05
"""Of all headline claims together."""


@dataclass(frozen=True)
class Evidence:
    """Everything that a claim may be judged by."""

    paper: Paper
    profile: str
    catalog: Catalog
    cells: Sequence[Cell]
    facts: Mapping[str, Sequence[Mapping[str, Any]]]
    """Mechanism claim id -> facts, for those that ran."""
    post_hoc: Collection[str] = ()
    """Ids of claims that were fixed when some of their measurements existed."""
    looks: Mapping[str, Looks] = field(default_factory=lambda: MappingProxyType({}))
    """Claim id -> the looks before this one, for those that were judged before."""


@dataclass(frozen=True)
class ClaimKind:
    """One kind of claim: its words, and how it is judged."""

    id: str
    of: type[Any]
    title: str
    about: str
    """What it asks and how it is decided, in one or two sentences."""
    judge: Callable[[Any, Evidence], ClaimRecord]


def judge(evidence: Evidence) -> tuple[ClaimRecord, ...]:
    """Return every claim of a paper with its verdict at a profile."""
    judged: dict[str, ClaimRecord] = {}
    for claim in evidence.paper.claims.claim:
        record = _BY_CLASS[type(claim)].judge(claim, evidence)
        if isinstance(claim, RerunClaim) and record.verdict != "not-run":
            record = _where_sound(record, evidence.paper.required(claim, evidence.profile), judged)
        judged[claim.id] = record.model_copy(update={"post_hoc": claim.id in evidence.post_hoc})
    return corrected(tuple(judged.values()))


def _where_sound(record: ClaimRecord, required: Sequence[str], judged: Mapping[str, ClaimRecord]) -> ClaimRecord:
    """Return the record, without a verdict where a claim that it requires does not hold."""
    lacking = [f"{name}, which is {judged[name].verdict}" for name in required if judged[name].verdict != "holds"]
    if not lacking:
        return record
    reason = f"not judged here: the evidence is sound only with {', and '.join(lacking)}"
    return record.model_copy(update={"verdict": "not-run", "reason": reason, "seeds_needed": None})


def corrected(claims: Sequence[ClaimRecord]) -> tuple[ClaimRecord, ...]:
    """Return claims in which the headline ones have the verdict that they keep when all of these are taken together.

    The p values of those that were tested are adjusted by Holm (1979); one above `FAMILY_ERROR` decides nothing, so
    that the chance of any wrong verdict among them is at most that.
    """
    family = [claim for claim in claims if claim.headline and claim.verdict != "not-run"]
    adjusted = holm([_p_of(claim) for claim in family])
    verdicts: dict[str, Verdict] = {
        claim.id: claim.verdict if p <= FAMILY_ERROR else "inconclusive"
        for claim, p in zip(family, adjusted, strict=True)
    }
    return tuple(claim.model_copy(update={"corrected": verdicts.get(claim.id)}) for claim in claims)


def _p_of(claim: ClaimRecord) -> float:
    """Return a claim's p value, one at a smaller error rate because of earlier looks made larger by as much."""
    if claim.p is None or claim.left == 0:
        return 1.0
    return min(1.0, claim.p * (claim.left + claim.spent) / claim.left) if claim.left else claim.p


def kind_of_claim(name: str) -> ClaimKind:
    """Return a kind of claim by its id.

    Raises:
        UnknownName: there is no such kind.
    """
    for kind in CLAIM_KINDS:
        if kind.id == name:
            return kind
    raise UnknownName.among("kind of claim", name, [kind.id for kind in CLAIM_KINDS])


def _printed(claim: PrintedClaim, evidence: Evidence) -> ClaimRecord:
    outcome, found = check_printed(claim, evidence.paper.tables)
    return _record(claim, "printed tables", outcome, facts=found)


def _mechanism(claim: MechanismClaim, evidence: Evidence) -> ClaimRecord:
    if claim.id not in evidence.facts:
        return _record(claim, claim.check.id, Outcome("not-run", "left out of this run by --only"))
    found = [Fact(**fact) for fact in evidence.facts[claim.id]]
    return _record(claim, claim.check.id, _outcome_of_facts(found), facts=found)


def _setup(claim: SetupClaim, evidence: Evidence) -> ClaimRecord:
    pair = claim.evidence.get(evidence.profile)
    if pair is None:
        return _record(claim, "set-up", _not_planned(evidence.profile, claim.evidence))
    run = evidence.paper.runs.runs(evidence.profile)[pair.run]
    found = compare_setups(run, pair.methods, claim.equal, claim.different)
    operands = tuple(f"{pair.run}/{method}" for method in pair.methods)
    return _record(claim, "set-up", _outcome_of_facts(found), facts=found, operands=operands, note=pair.note)


def _rerun(claim: RerunClaim, evidence: Evidence) -> ClaimRecord:
    found = claim.evidence.get(evidence.profile)
    if found is None:
        return _record(claim, claim.test.id, _not_planned(evidence.profile, claim.evidence))
    entry = evidence.catalog.entry(ClaimTest, claim.test.id)
    test = entry.value
    by_seed = [samples_of(operand, evidence.cells) for operand in found.operands]
    operands = tuple(map(said, found.operands))
    absent = [name for name, each in zip(operands, by_seed, strict=True) if not any(each)]
    parameters, looks = claim.test.options | found.parameters, evidence.looks.get(claim.id, FIRST)
    if "resolution" in options(test.decide):
        runs = evidence.paper.runs.runs(evidence.profile)
        parameters = {"resolution": resolution_of(found.operands, runs, evidence.catalog)} | parameters
    if absent:
        outcome = Outcome("not-run", f"nothing was measured for {absent[0]}")
    else:
        values = [each for of_operand in by_seed for each in of_operand]
        samples = [[each[seed] for seed in shared_seeds(values)] for each in values]
        with blame_plugin(entry):
            outcome, parameters = decide(test, samples, parameters, looks)
        units = {evidence.catalog.get(Metric, operand.metric).unit for operand in found.operands}
        if test.value == PLAIN_VALUE and units == {"%"}:
            outcome = _within(outcome, 0.0, 100.0)
    record = _record(
        claim, test.id, outcome, parameters=parameters, operands=operands, note=found.note, scale=test.value
    )
    return record.model_copy(update={"looks": looks.earlier, "spent": looks.spent})


def _within(outcome: Outcome, least: float, most: float) -> Outcome:
    """Return an outcome whose interval ends where its quantity does: half a step above 100 % is no accuracy."""
    low, high = (None if end is None else min(max(end, least), most) for end in (outcome.low, outcome.high))
    return replace(outcome, low=low, high=high)


def _not_planned(profile: str, planned: Mapping[str, object]) -> Outcome:
    known = ", ".join(planned) or "no profile yet"
    return Outcome("not-run", f"profile {profile} has no experiment for it; planned for: {known}")


def _outcome_of_facts(facts: Sequence[Fact]) -> Outcome:
    false = [fact for fact in facts if not fact.holds]
    if false:
        first = f"{false[0].statement}: expected {false[0].expected}, found {false[0].found}"
        reason = f"{len(false)} of {len(facts)} facts false; first: {first}"
        return Outcome("fails", reason, n=len(facts))
    said = "the fact holds" if len(facts) == 1 else f"all {len(facts)} facts hold"
    return Outcome("holds", f"{said} exactly", n=len(facts))


def _record(
    claim: Claim,
    test: str,
    outcome: Outcome,
    *,
    facts: Sequence[Fact] = (),
    parameters: Mapping[str, Any] = _NO_PARAMETERS,
    operands: tuple[str, ...] = (),
    note: str = "",
    scale: ValueScale = PLAIN_VALUE,
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
        p=outcome.p,
        bounds=outcome.bounds,
        scale=scale,
        headline=isinstance(claim, RerunClaim) and claim.headline,
        facts=tuple(FactRecord.model_validate(fact.to_json()) for fact in facts),
        operands=operands,
        note=note,
    )


CLAIM_KINDS: tuple[ClaimKind, ...] = (
    ClaimKind(
        "printed", PrintedClaim, "Printed", "The paper's text against its own tables. Nothing was trained.", _printed
    ),
    ClaimKind(
        "setup", SetupClaim, "Set-up", "How two methods are set up, read off their steps. Nothing was trained.", _setup
    ),
    ClaimKind(
        "mechanism", MechanismClaim, "Mechanism", "Exact facts about networks and masks, checked here.", _mechanism
    ),
    ClaimKind("re-run", RerunClaim, "Re-run", "Statistics over networks trained here, seed by seed.", _rerun),
)
"""The kinds of claims, in the order in which reports list them."""

_BY_CLASS: Mapping[type[Any], ClaimKind] = {kind.of: kind for kind in CLAIM_KINDS}
