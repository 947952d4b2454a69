"""Pre-registration: which claims were fixed in a store before what they are judged by was measured.

<store>/registrations/<paper>/<profile>.json holds, by digest, each claim that a run has met, when, and whether any of
its measurements was finished by then.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from pruneproof.errors import StoreCorrupt
from pruneproof.papers.paper import Paper
from pruneproof.papers.registration import claim_digest, registrable
from pruneproof.papers.schema import RerunClaim
from pruneproof.pipeline.plan import Plan
from pruneproof.pipeline.store import Store
from pruneproof.values.digests import digest_json
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
    path = store.root / "registrations" / plan.paper / f"{plan.profile}.json"
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
                }
                for name, digest in digests.items()
                if digest not in known and (measured := _measurements(claims[name], plan))
            }
            if new:
                with replacing(path) as draft:
                    draft.write_text(json.dumps(known | new, indent=1), encoding="utf-8")
    entries = {name: (known | new)[digest] for name, digest in digests.items() if digest in known | new}
    post_hoc = frozenset(name for name, each in entries.items() if each["post_hoc"])
    return Registration(
        digest=digest_json({name: digest for name, digest in digests.items() if name not in post_hoc}),
        latest=max((str(each["registered"]) for name, each in entries.items() if name not in post_hoc), default=""),
        post_hoc=post_hoc,
    )


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
        if all({"claim", "registered", "post_hoc"} <= set(each) for each in found.values()):
            return dict(found)
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError) as problem:
        raise _corrupt(path) from problem
    raise _corrupt(path)


def _corrupt(path: Path) -> StoreCorrupt:
    return StoreCorrupt(
        f"{path} is not a file of registered claims. Delete it and run again: claims whose measurements exist are then "
        "marked as post hoc."
    )
