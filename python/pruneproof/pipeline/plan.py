"""From a paper's configs to a DAG of stages, fully resolved and digested before anything runs.

A stage is a pure function of its `inputs` and of the outputs of the stages in `upstream`; its digest covers both, the
data fingerprint and the version of its kind. Equal work has an equal digest, so one dense network serves every method.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from pruneproof.errors import UnknownName
from pruneproof.papers.paper import Paper
from pruneproof.papers.schema import MechanismClaim
from pruneproof.pipeline.kinds.table import KINDS
from pruneproof.values.digests import digest_json

UNKNOWN_FINGERPRINT = "data set not on this machine"


@dataclass(frozen=True)
class Stage:
    """One unit of work. `upstream` maps a role (`weights`, `mask`) to the digest of the stage that fills it."""

    kind: str
    """A key of `pipeline.kinds.table.KINDS`."""
    label: str
    """For people; not part of the digest."""
    inputs: Mapping[str, Any]
    upstream: Mapping[str, str]
    epochs: int = 0
    """Epochs that the stage trains, for time estimates; part of `inputs` where it matters."""

    @property
    def digest(self) -> str:
        """The digest of kind, version, inputs and upstream digests."""
        parts = {"kind": self.kind, "version": KINDS[self.kind].version, "inputs": self.inputs}
        return digest_json(parts | {"upstream": self.upstream})


@dataclass(frozen=True)
class PlannedCell:
    """One network to measure: run, method, sparsity, seed."""

    run: str
    method: str
    sparsity: float
    seed: int
    stages: tuple[str, ...]
    """In the order of the method's steps."""
    measures: Mapping[str, str]
    """Name of a step that measures -> digest of its stage."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the method chose, for figures and reports; empty for the dense network."""


@dataclass(frozen=True)
class Plan:
    """Stages by digest, each after those it needs; the cells they serve; and the stages of mechanism claims."""

    paper: str
    profile: str
    stages: Mapping[str, Stage]
    cells: tuple[PlannedCell, ...]
    mechanisms: Mapping[str, str]
    """Claim id -> digest."""

    @property
    def digest(self) -> str:
        """One digest over all stages."""
        return digest_json(sorted(self.stages))


class Only:
    """The `--only` patterns: none chooses everything."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Take patterns of run ids, `run/method` or claim ids."""
        self.patterns = patterns
        self.used: set[str] = set()

    def method(self, run: str, method: str) -> bool:
        """Say whether a method of a run is chosen."""
        return self._match(run, f"{run}/{method}")

    def claim(self, claim: str) -> bool:
        """Say whether a mechanism claim is chosen."""
        return self._match(claim)

    def check(self, paper: Paper, profile: str) -> None:
        """Check that every pattern has chosen something.

        Raises:
            UnknownName: one has not.
        """
        for pattern in self.patterns:
            if pattern not in self.used:
                runs = paper.runs.runs(profile)
                known = [*runs, *(f"{run}/{each.method}" for run, of in runs.items() for each in of.methods)]
                known += [claim.id for claim in paper.claims.claim if isinstance(claim, MechanismClaim)]
                raise UnknownName.among(
                    "run, run/method or mechanism claim", pattern, dict.fromkeys(known), where="--only"
                )

    def _match(self, *names: str) -> bool:
        hits = {pattern for pattern in self.patterns for name in names if fnmatchcase(name, pattern)}
        self.used |= hits
        return not self.patterns or bool(hits)


def data_ids(paper: Paper, profile: str, only: Sequence[str] = ()) -> list[str]:
    """Return the data sets that a profile's runs use, each once, in order; `only` as in `make_plan`."""
    chosen = Only(only)
    return list(
        dict.fromkeys(
            run.data
            for run_id, run in paper.runs.runs(profile).items()
            if any(chosen.method(run_id, method) for method in ("dense", *(each.method for each in run.methods)))
        )
    )


def needed(plan: Plan, done: Iterable[str]) -> list[str]:
    """Return the digests of the stages that must still run, in an order that respects what they need.

    A stage that is done hides what only it needed.
    """
    finished = set(done)
    wanted: set[str] = set()
    queue = [digest for cell in plan.cells for digest in (*cell.measures.values(), cell.stages[-1])]
    queue += list(plan.mechanisms.values())
    queue += [digest for cell in plan.cells for digest in cell.stages if plan.stages[digest].kind == "prune"]
    while queue:
        digest = queue.pop()
        if digest not in finished and digest not in wanted:
            wanted.add(digest)
            queue += plan.stages[digest].upstream.values()
    return [digest for digest in plan.stages if digest in wanted]
