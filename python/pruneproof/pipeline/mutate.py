"""Runs mutants of a paper's plan and says which claims notice them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal

from pruneproof.contracts.executor import OnEvent
from pruneproof.errors import BadConfig, BadTensor, InfeasibleSelection
from pruneproof.papers.claims import Evidence, judge
from pruneproof.papers.operands import samples_of
from pruneproof.papers.record import ClaimRecord
from pruneproof.papers.schema import Claim, Operand, RerunClaim
from pruneproof.pipeline.kinds.table import MASK, WEIGHTS
from pruneproof.pipeline.mutants import RULES, Mutant, mutate, written_out
from pruneproof.pipeline.prepare import Prepared, replan
from pruneproof.pipeline.run import evidence_of, execute
from pruneproof.pipeline.store import Store
from pruneproof.registry.catalog import build_catalog

State = Literal["killed", "moved", "survived", "untouched"]
"""What becomes of a mutant by a claim.

`killed`: the claim's verdict changes. `moved`: its value changes by more than half the width of its interval.
`survived`: neither. `untouched`: all networks and numbers that the claim reads are the same to the bit.
"""

Progress = Callable[[str, Prepared], AbstractContextManager[OnEvent]]
"""Given the name of a run and its plan, yields the listener of its stages."""


@dataclass(frozen=True)
class Trial:
    """One mutant and what the claims said to it."""

    mutant: Mutant
    claims: Mapping[str, ClaimRecord]
    """Claim id -> the claim as judged on the mutated plan; empty where that could not run."""
    states: Mapping[str, State]
    """Claim id -> state, of the claims that the plan itself judges."""
    reason: str = ""
    """Why the mutated plan did not run; empty where it did."""


@dataclass(frozen=True)
class Mutation:
    """A plan with its verdicts, and its mutants."""

    claims: tuple[ClaimRecord, ...]
    """All claims as judged on the plan itself."""
    trials: tuple[Trial, ...]

    @property
    def judged(self) -> tuple[ClaimRecord, ...]:
        """The re-run and set-up claims that the plan itself gives a verdict: those that read its methods."""
        return tuple(each for each in self.claims if each.operands and each.verdict != "not-run")

    def states(self, claim: str) -> list[State]:
        """Return the states of a claim for the mutants that reach it; chance is none of them."""
        found = [trial.states[claim] for trial in self.trials if not trial.mutant.is_chance and claim in trial.states]
        return [each for each in found if each != "untouched"]

    @property
    def killing(self) -> list[str]:
        """Ids of the claims that kill a mutant."""
        return [each.id for each in self.judged if "killed" in self.states(each.id)]

    @property
    def unchanged(self) -> list[str]:
        """Ids of the claims that mutants reach and none changes: these test nothing here."""
        return [each.id for each in self.judged if set(self.states(each.id)) == {"survived"}]

    @property
    def untouched(self) -> list[str]:
        """Ids of the claims that no mutant reaches."""
        return [each.id for each in self.judged if not self.states(each.id)]

    @property
    def chance(self) -> list[str]:
        """Ids of the claims whose verdict other seeds change."""
        kills = {name for each in self.trials if each.mutant.is_chance for name, state in each.states.items()
                 if state == "killed"}  # fmt: skip
        return [each.id for each in self.judged if each.id in kills]


def run_mutants(prepared: Prepared, mutants: Sequence[Mutant], progress: Progress) -> Mutation:
    """Run a plan and its mutants in the store of the request and compare what the claims say.

    Equal stages run once; a mutant that changes nothing of the plan is not run. Nothing is recorded as a run of the
    paper.

    Raises:
        PruneproofError: whatever a stage of the plan itself refused.
    """
    request = prepared.request
    files = (*request.files, RULES)
    catalog = build_catalog([plugin.name for plugin in prepared.catalog.plugins], files=files)
    paper = written_out(prepared.paper, request.profile, request.seeds)
    plain = replan(replace(prepared, catalog=catalog, request=replace(request, files=files, seeds=None)), paper)
    store = Store(request.store)
    with progress("the plan itself", plain) as on_event:
        finished = execute(plain, store, on_event)
    evidence = evidence_of(plain, finished)
    claims = judge(evidence)
    before = {each.id: each for each in claims if each.verdict != "not-run"}
    reads = _reads(plain, evidence, claims)
    trials: list[Trial] = []
    for mutant in mutants:
        changed = mutate(paper, request.profile, mutant, catalog)
        if changed is None:
            trials.append(Trial(mutant, {}, dict.fromkeys(before, "untouched")))
            continue
        try:
            planned = replan(plain, changed)
            with progress(mutant.id, planned) as on_event:
                finished = execute(planned, store, on_event)
            found = evidence_of(planned, finished)
            after = judge(found)
        except (BadConfig, BadTensor, InfeasibleSelection) as problem:
            trials.append(Trial(mutant, {}, {}, str(problem)))
            continue
        now = _reads(planned, found, after)
        states = {
            each.id: state_of(before[each.id], each, is_same=now[each.id] == reads[each.id])
            for each in after
            if each.id in before
        }
        trials.append(Trial(mutant, {each.id: each for each in after}, states))
    return Mutation(claims, tuple(trials))


def state_of(before: ClaimRecord, after: ClaimRecord, *, is_same: bool) -> State:
    """Return what a claim says to a mutant, from its record without and with it.

    A value without an interval does not move, whatever it is: nothing says how much would be chance.
    """
    if after.verdict != before.verdict:
        return "killed"
    if is_same:
        return "untouched"
    if before.low is None or before.high is None or before.value is None or after.value is None:
        return "survived"
    return "moved" if abs(after.value - before.value) > (before.high - before.low) / 2 else "survived"


def _reads(prepared: Prepared, evidence: Evidence, records: Sequence[ClaimRecord]) -> dict[str, Any]:
    """Return claim id -> the networks and numbers, or the facts, that it is judged by."""
    claims = {claim.id: claim for claim in evidence.paper.claims.claim}
    return {each.id: [each.facts, *_operands(prepared, evidence, claims[each.id])] for each in records}


def _operands(prepared: Prepared, evidence: Evidence, claim: Claim) -> list[Any]:
    if not isinstance(claim, RerunClaim) or evidence.profile not in claim.evidence:
        return []
    return [
        (_networks(prepared, operand), [_numbers(each) for each in samples_of(operand, evidence.cells)])
        for operand in claim.evidence[evidence.profile].operands
    ]


def _numbers(by_seed: Mapping[int, float]) -> list[str]:
    return [repr(number) for _, number in sorted(by_seed.items())]  # as text, so that NaN equals NaN


def _networks(prepared: Prepared, operand: Operand) -> list[list[str]]:
    """Return the digests of the weights and masks that an operand's step measures, seed by seed."""
    store, plan = Store(prepared.request.store), prepared.plan
    wanted = (operand.run, operand.method, operand.sparsity)
    measured = [
        plan.stages[cell.measures[operand.at]].upstream
        for cell in sorted(plan.cells, key=lambda cell: cell.seed)
        if (cell.run, cell.method, cell.sparsity) == wanted and operand.at in cell.measures
    ]
    return [
        [store.expect(upstream[made.role]).outputs[made.file] for made in (WEIGHTS, MASK) if made.role in upstream]
        for upstream in measured
    ]
