"""From a paper's configs to a DAG of stages, fully resolved and digested before anything runs.

A stage is a pure function of its `inputs` and of the outputs of the stages in `upstream`; its digest covers both, the
data fingerprint and the stage's own version. Equal work has an equal digest, so one dense network serves every arm.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.choice import Choice
from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.floor import Floor
from pruneproof.contracts.mechanism import Mechanism
from pruneproof.contracts.model import Model
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.schedule import Schedule
from pruneproof.contracts.selection import Selection
from pruneproof.contracts.structure import Structure
from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.load import Paper
from pruneproof.papers.schema import Arm, MechanismClaim, Run
from pruneproof.registry.catalog import Catalog, blame_plugin
from pruneproof.registry.kinds import kind_of
from pruneproof.registry.manager import Plugin
from pruneproof.selection.rules import resolve
from pruneproof.values.digests import digest_json

Kind = Literal["init", "train", "prune", "mechanism"]
VERSIONS: Mapping[Kind, int] = {"init": 1, "train": 1, "prune": 1, "mechanism": 1}
"""Raised when a stage's code changes what it computes."""
UNKNOWN_FINGERPRINT = "data set not on this machine"


@dataclass(frozen=True)
class Stage:
    """One unit of work. `upstream` maps a role (`weights`, `mask`) to the digest of the stage that fills it."""

    kind: Kind
    label: str
    """For people; not part of the digest."""
    inputs: Mapping[str, Any]
    upstream: Mapping[str, str]
    epochs: int
    """Epochs that the stage trains, for time estimates; part of `inputs` where it matters."""

    @property
    def digest(self) -> str:
        """The digest of kind, version, inputs and upstream digests."""
        parts = {"kind": self.kind, "version": VERSIONS[self.kind], "inputs": self.inputs, "upstream": self.upstream}
        return digest_json(parts)


@dataclass(frozen=True)
class PlannedCell:
    """One network to measure: run, method, sparsity, seed; the last of `stages` carries its measurement."""

    run: str
    method: str
    sparsity: float
    seed: int
    stages: tuple[str, ...]
    arm: Mapping[str, Any] = field(default_factory=dict)
    """What the arm chose, for reports; empty for the dense network."""


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


def make_plan(
    paper: Paper,
    profile: str,
    catalog: Catalog,
    *,
    fingerprints: Mapping[str, str],
    seeds: Sequence[int] | None = None,
    only: Sequence[str] = (),
    device: str = "cpu",
) -> Plan:
    """Resolve a paper's runs at a profile into stages.

    Args:
        paper: the loaded paper.
        profile: `mini`, `cpu`, `lite` or `full`.
        catalog: what the paper's plugins register.
        fingerprints: data set -> fingerprint; a missing one leaves a plan that can be read but not run.
        seeds: replaces the seeds of the profile and of the runs.
        only: patterns of run ids, `run/method` or claim ids; nothing else is planned.
        device: `cpu` or `cuda`; results differ in their last bits, so it is part of every digest.

    Raises:
        UnknownName: the profile, a name in a run, or a pattern of `only` matches nothing.
        BadConfig: a schedule that cannot reach its target, or an arm that needs a recipe its run does not have.
    """
    default_seeds = paper.runs.profile(profile).seeds
    planner = _Planner(catalog, fingerprints, device)
    chosen = _Only(only)
    cells: list[PlannedCell] = []
    for run_id, run in paper.runs.runs(profile).items():
        for seed in seeds or run.seeds or default_seeds:
            cells += planner.run(run_id, run, seed, chosen)
    mechanisms = {
        claim.id: planner.mechanism(claim)
        for claim in paper.claims.claim
        if isinstance(claim, MechanismClaim) and chosen.claim(claim.id)
    }
    chosen.check(paper, profile)
    return Plan(paper.info.id, profile, planner.stages, tuple(cells), mechanisms)


class _Only:
    """The `--only` patterns: none chooses everything."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = patterns
        self.used: set[str] = set()

    def _match(self, *names: str) -> bool:
        hits = {pattern for pattern in self.patterns for name in names if fnmatchcase(name, pattern)}
        self.used |= hits
        return not self.patterns or bool(hits)

    def method(self, run: str, method: str) -> bool:
        return self._match(run, f"{run}/{method}")

    def claim(self, claim: str) -> bool:
        return self._match(claim)

    def check(self, paper: Paper, profile: str) -> None:
        for pattern in self.patterns:
            if pattern not in self.used:
                runs = paper.runs.runs(profile)
                known = [*runs, *(f"{run}/{arm.method}" for run, each in runs.items() for arm in each.arms)]
                known += [claim.id for claim in paper.claims.claim if isinstance(claim, MechanismClaim)]
                raise UnknownName.among(
                    "run, run/method or mechanism claim", pattern, dict.fromkeys(known), where="--only"
                )


@dataclass
class _Planner:
    catalog: Catalog
    fingerprints: Mapping[str, str]
    device: str
    stages: dict[str, Stage] = field(default_factory=dict)
    origins: dict[Plugin, str] = field(default_factory=dict)

    def add(
        self, kind: Kind, label: str, inputs: Mapping[str, Any], upstream: Mapping[str, str], epochs: int = 0
    ) -> str:
        stage = Stage(kind, label, inputs, upstream, epochs)
        digest = stage.digest
        self.stages.setdefault(digest, stage)
        return digest

    def mechanism(self, claim: MechanismClaim) -> str:
        check = self.choice(Mechanism, claim.check)
        return self.add("mechanism", f"{claim.id}: {claim.check.id}", {"check": check}, {})

    def run(self, run_id: str, run: Run, seed: int, only: _Only) -> list[PlannedCell]:
        network = self.network(run, seed)
        init = ""
        dense = ""
        cells: list[PlannedCell] = []
        for arm in (None, *run.arms):
            method = "dense" if arm is None else arm.method
            if not only.method(run_id, method) or (arm is None and run.dense is None):
                continue
            init = init or self.add("init", f"{run_id} · seed {seed} · init", network, {})
            if run.dense is not None and not dense and (arm is None or _uses_dense(arm)):
                dense = self.train(f"{run_id} · seed {seed} · dense", network, run.dense, {"weights": init}, "dense", 0)
            if arm is None:
                cells.append(PlannedCell(run_id, "dense", 0.0, seed, (init, dense)))
                continue
            for sparsity in arm.sparsities or run.sparsities:
                label = f"{run_id} · seed {seed} · {method} {sparsity:.6g}"
                chain = self.arm(label, run, arm, sparsity, network, init, dense)
                before = (init, dense) if _uses_dense(arm) else (init,)
                cells.append(PlannedCell(run_id, method, sparsity, seed, (*before, *chain), _choices(arm)))
        return cells

    def arm(
        self, label: str, run: Run, arm: Arm, sparsity: float, network: Mapping[str, Any], init: str, dense: str
    ) -> tuple[str, ...]:
        """Add the stages of one arm at one sparsity and return their digests in order."""
        if run.retrain is None:
            raise BadConfig(f"{label}: the run has no `retrain` recipe. Add one to runs.toml.")
        if arm.start == "dense" and run.dense is None:
            raise BadConfig(f"{label}: the arm starts from the dense network, but the run has no `dense` recipe.")
        recipe = Recipe.model_validate(run.retrain.model_dump() | arm.retrain)
        method = self.method(arm, recipe)
        start = dense if arm.start == "dense" else init
        spent = run.dense.epochs if arm.start == "dense" and run.dense else 0
        if arm.during is not None:
            if arm.during.end >= recipe.epochs:
                raise BadConfig(f"{label}: pruning ends at epoch {arm.during.end} of a training of {recipe.epochs}.")
            course = self.course(arm, sparsity, arm.during.end - arm.during.start + 1)
            during = {**method, "course": course, "first_epoch": arm.during.start}
            return (
                self.train(
                    label, network, recipe, {"weights": start}, "retrain", spent, during=during, losses=run.losses
                ),
            )
        course = self.course(arm, sparsity, arm.steps)
        rewound = self.rewind(run, arm, network, init)
        weights, mask = start, ""
        chain: list[str] = []
        for part in [[each] for each in course] if arm.between == "retrain" else [course]:
            upstream = {"weights": weights} | ({"mask": mask} if mask else {})
            mask = self.add("prune", f"{label} · prune", {**network, **method, "course": part}, upstream)
            upstream = {"weights": rewound or weights, "mask": mask}
            weights = self.train(label, network, recipe, upstream, "retrain", spent, losses=run.losses)
            spent += recipe.epochs
            chain += [mask, weights]
        return tuple(chain)

    def rewind(self, run: Run, arm: Arm, network: Mapping[str, Any], init: str) -> str:
        """Return the digest of the weights that survivors are reset to, empty for none."""
        if arm.rewind == "init":
            return init
        if arm.rewind == "early" and run.dense is not None and arm.rewind_epochs is not None:
            label = f"dense, first {arm.rewind_epochs} epochs"
            return self.train(label, network, run.dense, {"weights": init}, "dense", 0, stop_after=arm.rewind_epochs)
        return ""

    def train(
        self,
        label: str,
        network: Mapping[str, Any],
        recipe: Recipe,
        upstream: Mapping[str, str],
        phase: str,
        spent: int,
        *,
        during: Mapping[str, Any] | None = None,
        stop_after: int | None = None,
        losses: bool = False,
    ) -> str:
        inputs: dict[str, Any] = {
            **network,
            "recipe": recipe.model_dump(mode="json"),
            "phase": phase,
            "epochs_before": spent,
            "during": during,
            "stop_after": stop_after,
        }
        if losses:  # keys that later versions added are there only where they ask for something, see ADR 0023
            inputs["losses"] = True
        return self.add("train", label, inputs, upstream, recipe.epochs if stop_after is None else stop_after)

    def network(self, run: Run, seed: int) -> dict[str, Any]:
        self.catalog.entry(DataSet, run.data)
        return {
            "model": self.choice(Model, run.model),
            "data": {"id": run.data, "fingerprint": self.fingerprints.get(run.data, UNKNOWN_FINGERPRINT)},
            "seed": seed,
            "device": self.device,
        }

    def method(self, arm: Arm, recipe: Recipe) -> dict[str, Any]:
        later: dict[str, Any] = {} if arm.resample else {"resample": False}
        if recipe.validation:
            later["validation"] = recipe.validation
        return {
            "criterion": self.choice(Criterion, arm.criterion),
            "selection": self.selection(arm.select),
            "samples": arm.samples,
            **later,
        }

    def selection(self, selection: Selection) -> dict[str, Any]:
        """Write out a selection, every rule with all its options and whose it is."""
        written = selection.model_dump(mode="json")
        rules = resolve(selection, self.catalog.get)
        named: list[tuple[str, type[Any], object]] = [
            ("scope", Allocation, rules.allocation),
            ("structure", Structure, rules.structure),
            ("floor", Floor, rules.floor),
            ("count", CountingRule, rules.counting),
        ]
        return written | {key: self.choice(of, getattr(selection, key)) for key, of, rule in named if rule is not None}

    def course(self, arm: Arm, sparsity: float, steps: int) -> list[float]:
        entry = self.catalog.entry(Schedule, arm.schedule.id)
        schedule = entry.value
        with blame_plugin(entry):
            course = [float(each) for each in schedule.sparsities(sparsity, steps, **arm.schedule.options)]
        if len(course) != steps or course[-1] != sparsity or sorted(course) != course:
            raise BadConfig(
                f'schedule "{schedule.id}" answered {course[:3]}...{course[-1:]} for target {sparsity} in {steps} '
                "steps; as many never-decreasing values ending on the target were expected."
            )
        return course

    def choice(self, of: type[Any], chosen: Choice) -> dict[str, Any]:
        """Write out a registered thing: id, all options with their defaults, and whose it is."""
        entry = self.catalog.entry(of, chosen.id)
        defaults = {} if of is Mechanism else kind_of(of).options(entry.value)
        return {"id": chosen.id, "options": defaults | chosen.options, "origin": self.origin(entry.plugin)}

    def origin(self, plugin: Plugin) -> str:
        """Return what a digest says of a plugin: a stranger's code may change without its version."""
        if plugin.name == "builtin":
            return "builtin"
        if plugin not in self.origins:
            self.origins[plugin] = f"{plugin.distribution} {plugin.version}, source {plugin.digest()}"
        return self.origins[plugin]


def data_ids(paper: Paper, profile: str, only: Sequence[str] = ()) -> list[str]:
    """Return the data sets that a profile's runs use, each once, in order; `only` as in `make_plan`."""
    chosen = _Only(only)
    return list(
        dict.fromkeys(
            run.data
            for run_id, run in paper.runs.runs(profile).items()
            if any(chosen.method(run_id, method) for method in ("dense", *(arm.method for arm in run.arms)))
        )
    )


def needed(plan: Plan, done: Iterable[str]) -> list[str]:
    """Return the digests of the stages that must still run, in an order that respects what they need.

    A stage that is done hides what only it needed.
    """
    finished = set(done)
    wanted: set[str] = set()
    queue = [cell.stages[-1] for cell in plan.cells] + list(plan.mechanisms.values())
    queue += [digest for cell in plan.cells for digest in cell.stages if plan.stages[digest].kind == "prune"]
    while queue:
        digest = queue.pop()
        if digest not in finished and digest not in wanted:
            wanted.add(digest)
            queue += plan.stages[digest].upstream.values()
    return [digest for digest in plan.stages if digest in wanted]


def _choices(arm: Arm) -> dict[str, Any]:
    """Return how an arm picks its weights, as a record tells it."""
    criterion = {"criterion": arm.criterion.id, "options": dict(arm.criterion.options)}
    return {**criterion, "schedule": arm.schedule.id, "steps": arm.steps, "resample": arm.resample}


def _uses_dense(arm: Arm) -> bool:
    return arm.start == "dense"
