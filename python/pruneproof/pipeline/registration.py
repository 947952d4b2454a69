"""Pre-registration: which claims were fixed in a store before what they are judged by was measured.

<store>/registrations/<paper>/<profile>.json holds, by digest, each claim that a run has met, when, whether any of its
measurements was finished by then, and the sets of seeds on which it was judged since.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from pruneproof.contracts.claims import ClaimTest
from pruneproof.errors import StoreCorrupt
from pruneproof.papers.claims import Evidence
from pruneproof.papers.looks import Looks, spent_by
from pruneproof.papers.operands import samples_of, shared_seeds
from pruneproof.papers.paper import Paper
from pruneproof.papers.registration import claim_digest, question_digest, registrable, registration_digest
from pruneproof.papers.schema import RerunClaim
from pruneproof.pipeline.plan import Plan
from pruneproof.pipeline.store import Store
from pruneproof.registry.catalog import blame_plugin
from pruneproof.values.files import replacing


@dataclass(frozen=True)
class Registration:
    """The claims of a paper at a profile as they were registered."""

    digest: str
    """Over the digests of the claims that were registered in time."""
    latest: str
    """When the last of these was registered; empty without any."""
    post_hoc: frozenset[str]
    """Ids of those that were registered when some of their measurements existed."""


def register(store: Store, paper: Paper, plan: Plan, finished: Collection[str]) -> Registration:
    """Register the claims of a plan that are new to the store, before any stage runs.

    Args:
        store: where the file of registrations lies; it is replaced atomically.
        paper: its claims.
        plan: which stages measure their operands.
        finished: digests of stages that are finished.

    Raises:
        StoreCorrupt: the file is not one of registrations.
        StoreUnwritable: it cannot be written.
    """
    claims = registrable(paper, plan.profile)
    digests = {name: claim_digest(claim, paper, plan.profile) for name, claim in claims.items()}
    path = _path(store, plan.paper, plan.profile)
    with store.writing():
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            known = _read(path)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            new = {
                digest: {
                    "claim": name,
                    "registered": now,
                    "post_hoc": not measured.isdisjoint(finished),
                    "question": question_digest(claims[name], plan.profile),
                    "looks": [],
                }
                for name, digest in digests.items()
                if digest not in known and (measured := _measurements(claims[name], plan))
            }
            if new:
                _write(path, known | new)
    entries = {name: (known | new)[digest] for name, digest in digests.items() if digest in known | new}
    post_hoc = frozenset(name for name, each in entries.items() if each["post_hoc"])
    return Registration(
        digest=registration_digest(paper, plan.profile, post_hoc),
        latest=max((str(each["registered"]) for name, each in entries.items() if name not in post_hoc), default=""),
        post_hoc=post_hoc,
    )


def look(store: Store, evidence: Evidence) -> dict[str, Looks]:
    """Write down on which seeds the registered claims are now judged, and return the looks before, by claim.

    The looks of claims that ask the same count together, also where the paper's files named other seeds. Seeds that are
    all among those of an earlier look make no new one, and neither do so few that they decide nothing.

    Raises:
        StoreCorrupt: the file is not one of registrations.
        StoreUnwritable: it cannot be written.
    """
    paper, profile = evidence.paper, evidence.profile
    path = _path(store, paper.info.id, profile)
    found: dict[str, Looks] = {}
    with store.writing(), FileLock(path.with_suffix(".lock")):
        known, is_new = _read(path), False
        for name, claim in registrable(paper, profile).items():
            entry = known.get(claim_digest(claim, paper, profile))
            values = [
                each for operand in claim.evidence[profile].operands for each in samples_of(operand, evidence.cells)
            ]
            if entry is None or not (seeds := shared_seeds(values)):
                continue
            question = entry.setdefault("question", question_digest(claim, profile))
            before = [
                each for other in known.values() if other.get("question") == question for each in other.get("looks", [])
            ]
            before.sort(key=lambda each: each["judged"])
            place = next((at for at, each in enumerate(before) if set(seeds) <= set(each["seeds"])), len(before))
            earlier = before[:place]
            looks = Looks(tuple(tuple(each["seeds"]) for each in earlier), sum(each["spent"] for each in earlier))
            if earlier:
                found[name] = looks
            if place < len(before):
                continue
            test = evidence.catalog.entry(ClaimTest, claim.test.id)
            parameters = claim.test.options | claim.evidence[profile].parameters
            with blame_plugin(test):
                spent = spent_by(test.value, parameters, looks, operands=len(values), seeds=len(seeds))
            if spent:
                judged = datetime.now(UTC).isoformat(timespec="microseconds")
                entry.setdefault("looks", []).append({"seeds": seeds, "judged": judged, "spent": spent})
                is_new = True
        if is_new:
            _write(path, known)
    return found


def _path(store: Store, paper: str, profile: str) -> Path:
    return store.root / "registrations" / paper / f"{profile}.json"


def _write(path: Path, entries: Mapping[str, Any]) -> None:
    with replacing(path) as draft:
        draft.write_text(json.dumps(entries, indent=1), encoding="utf-8")


def _measurements(claim: RerunClaim, plan: Plan) -> set[str]:
    """Return the digests of the stages of a plan that measure what a claim reads."""
    wanted = {(each.run, each.method, each.sparsity, each.at) for each in claim.evidence[plan.profile].operands}
    return {
        digest
        for cell in plan.cells
        for name, digest in cell.measures.items()
        if (cell.run, cell.method, cell.sparsity, name) in wanted
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if all(map(_is_entry, found.values())):
            return dict(found)
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError, KeyError) as problem:
        raise _corrupt(path) from problem
    raise _corrupt(path)


def _is_entry(entry: Mapping[str, Any]) -> bool:
    """Say whether an entry has what every one has, and its looks, which those of before lack, what a look has."""
    looks = entry.get("looks", [])
    return {"claim", "registered", "post_hoc"} <= set(entry) and all(
        isinstance(each["seeds"], list) and isinstance(each["judged"], str) and isinstance(each["spent"], float)
        for each in looks
    )


def _corrupt(path: Path) -> StoreCorrupt:
    return StoreCorrupt(
        f"{path} is not a file of registered claims. Delete it and run again: claims whose measurements exist are then "
        "marked as post hoc."
    )
