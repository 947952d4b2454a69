"""`verify_record`: chosen stages of a record executed again, and compared in bits and in verdicts."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pruneproof.contracts.executor import OnEvent
from pruneproof.errors import BadOption, PruneproofError
from pruneproof.papers.claims import Evidence, judge
from pruneproof.papers.looks import Looks
from pruneproof.papers.record import Record, kept
from pruneproof.papers.registration import Registered, compare_registration
from pruneproof.pipeline.compare import Comparison, compare, machine_differences
from pruneproof.pipeline.environment import describe_environment
from pruneproof.pipeline.plan import Only, Plan, PlannedCell
from pruneproof.pipeline.prepare import Prepared
from pruneproof.pipeline.run import execute, measured_cell, stage_records
from pruneproof.pipeline.store import Store
from pruneproof.pipeline.upstream import load_facts

SEED = 0
"""Of the draw of `--sample`: the same stages for everybody."""
COMPUTED = ("mechanism", "re-run")
"""Kinds of claims whose verdicts depend on what was computed."""


@dataclass(frozen=True)
class Verdicts:
    """Claims for which everything was made again, against those of the record."""

    judged: int
    differences: Mapping[str, tuple[str, str]]
    """Claim id -> verdict as recorded, as found."""


@dataclass(frozen=True)
class Verified:
    """What a re-execution found."""

    comparison: Comparison
    machine: Mapping[str, tuple[str, str]]
    """What differs between the two machines: name -> as recorded, here."""
    verdicts: Verdicts | None
    """None of a variant, which has no verdicts."""
    registered: Registered | None
    """Whether the claims of this installation are those that the record registered; None where it registered none."""
    obstacle: str
    """Why stages could not run; empty where all could."""


def choose_stages(prepared: Prepared, only: Sequence[str] = (), sample: int | None = None) -> tuple[str, ...]:
    """Return the digests to execute again, in order: with all that they need.

    Args:
        prepared: the recorded request, planned again in an empty store.
        only: patterns of run ids, `run/method` or claim ids, as for a run; none takes all.
        sample: draw so many of these, by a fixed seed.

    Raises:
        UnknownName: a pattern matches nothing.
        BadOption: more are to be drawn than there are.
    """
    plan, chosen = prepared.plan, Only(only)
    wanted = {
        digest
        for cell in plan.cells
        if chosen.method(cell.run, cell.method)
        for digest in (*cell.stages, *cell.measures.values())
    }
    wanted |= {digest for claim, digest in plan.mechanisms.items() if chosen.claim(claim)}
    chosen.check(prepared.paper, plan.profile)
    if sample is not None:
        if sample > len(wanted):
            raise BadOption(f"--sample {sample} asks for more stages than the record has: {len(wanted)}. Ask for less.")
        wanted = set(random.Random(SEED).sample(sorted(wanted), sample))
    return _with_upstream(plan, wanted)


def _with_upstream(plan: Plan, wanted: Iterable[str]) -> tuple[str, ...]:
    found: set[str] = set()
    queue = list(wanted)
    while queue:
        digest = queue.pop()
        if digest not in found:
            found.add(digest)
            queue += plan.stages[digest].upstream.values()
    return tuple(digest for digest in plan.stages if digest in found)


def verify_record(record: Record, prepared: Prepared, chosen: Sequence[str], on_event: OnEvent) -> Verified:
    """Execute chosen stages of a record again and compare.

    Args:
        record: what was found before.
        prepared: its request, planned again in an empty store.
        chosen: digests of the stages, with all that they need.
        on_event: hears of every start, progress and finish.
    """
    store, obstacle = Store(prepared.request.store), ""
    try:
        execute(replace(prepared, todo=tuple(chosen)), store, on_event)
    except PruneproofError as problem:
        obstacle = str(problem)
    again = stage_records(prepared.plan, store.all_finished(chosen))
    return Verified(
        comparison=compare(record.stages, again, set(map(kept, chosen))),
        machine=machine_differences(record.environment, describe_environment(prepared.device)),
        verdicts=None if record.is_variant else _verdicts(record, prepared, store),
        registered=compare_registration(record, prepared.paper),
        obstacle=obstacle,
    )


def _verdicts(record: Record, prepared: Prepared, store: Store) -> Verdicts:
    """Judge the claims for which everything was made again, over all seeds."""
    plan = prepared.plan
    finished = store.all_finished(plan.stages)
    lacking = {_method(cell) for cell in plan.cells if not finished.keys() >= set(cell.measures.values())}
    cells = [measured_cell(cell, finished, prepared.catalog) for cell in plan.cells if _method(cell) not in lacking]
    facts = {claim: load_facts(finished[digest]) for claim, digest in plan.mechanisms.items() if digest in finished}
    looks = {claim.id: Looks(claim.looks, claim.spent) for claim in record.claims if claim.looks}
    evidence = Evidence(prepared.paper, plan.profile, prepared.catalog, cells, facts, looks=looks)
    now = {claim.id: claim.verdict for claim in judge(evidence) if claim.verdict != "not-run"}
    before = {claim.id: claim.verdict for claim in record.claims if claim.kind in COMPUTED}
    both = {claim: (verdict, now[claim]) for claim, verdict in before.items() if claim in now}
    return Verdicts(len(both), {claim: pair for claim, pair in both.items() if pair[0] != pair[1]})


def _method(cell: PlannedCell) -> tuple[str, str, float]:
    return cell.run, cell.method, cell.sparsity
