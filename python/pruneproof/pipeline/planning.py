"""`make_plan`: a paper's runs at a profile, resolved into stages."""

from collections.abc import Mapping, Sequence

from pruneproof.contracts.mechanism import Mechanism
from pruneproof.papers.paper import Paper
from pruneproof.papers.schema import MechanismClaim
from pruneproof.papers.short_form import DENSE, dense_method
from pruneproof.pipeline.fold import Folder
from pruneproof.pipeline.plan import Only, Plan, PlannedCell, Stage
from pruneproof.pipeline.writing import Writer
from pruneproof.registry.catalog import Catalog


def estimate(paper: Paper, profile: str, catalog: Catalog) -> tuple[int, int]:
    """Return how many networks a profile measures, and how many epochs it trains; what runs share is counted once.

    Raises:
        UnknownName, BadConfig: as `make_plan`.
    """
    networks = 0
    trained: dict[str, tuple[int, set[int]]] = {}  # digest at one seed -> epochs, and seeds of the runs that need it
    for run_id, run in paper.runs.runs(profile).items():
        seeds = run.seeds or paper.runs.profile(profile).seeds
        folder = Folder(run_id, run, 0, catalog, None, Writer(catalog), {"device": "cpu"})
        cells = [folder.cell(dense_method(), 0.0)] if DENSE in run.recipe else []
        for method in run.methods:
            cells += [folder.cell(method, sparsity) for sparsity in method.sparsities or run.sparsities]
        networks += len(seeds) * len(cells)
        for digest, stage in folder.stages.items():
            if stage.epochs:
                trained.setdefault(digest, (stage.epochs, set()))[1].update(seeds)
    epochs = sum(each * len(seeds) for each, seeds in trained.values())
    return networks, epochs


def make_plan(
    paper: Paper,
    profile: str,
    catalog: Catalog,
    *,
    fingerprints: Mapping[str, str],
    seeds: Sequence[int] | None = None,
    only: Sequence[str] = (),
    device: str = "cpu",
    numerics: str = "native",
) -> Plan:
    """Resolve a paper's runs at a profile into stages.

    Args:
        paper: the loaded paper.
        profile: one of the paper's profiles.
        catalog: what the paper's plugins register.
        fingerprints: data set -> fingerprint; a missing one leaves a plan that can be read but not run.
        seeds: replaces the seeds of the profile and of the runs.
        only: patterns of run ids, `run/method` or claim ids; nothing else is planned.
        device: `cpu` or `cuda`; results differ in their last bits, so it is part of every digest.
        numerics: a numerics class; all but `native`, which sets nothing, are part of every digest.

    Raises:
        UnknownName: the profile, a name in a run, or a pattern of `only` matches nothing.
        BadConfig: a schedule that cannot reach its target, or steps that do not follow from each other.
    """
    default_seeds = paper.runs.profile(profile).seeds
    writer, chosen = Writer(catalog), Only(only)
    of_numerics = {} if numerics == "native" else {"numerics": numerics}
    stages: dict[str, Stage] = {}
    cells: list[PlannedCell] = []
    where = {"device": device, **of_numerics}
    for run_id, run in paper.runs.runs(profile).items():
        for seed in seeds or run.seeds or default_seeds:
            folder = Folder(run_id, run, seed, catalog, fingerprints.get(run.data), writer, where)
            if DENSE in run.recipe and chosen.method(run_id, DENSE):
                cells.append(folder.cell(dense_method(), 0.0))
            for method in run.methods:
                if chosen.method(run_id, method.method):
                    cells += [folder.cell(method, sparsity) for sparsity in method.sparsities or run.sparsities]
            stages |= folder.stages
    mechanisms: dict[str, str] = {}
    for claim in paper.claims.claim:
        if isinstance(claim, MechanismClaim) and chosen.claim(claim.id):
            check = writer.choice(Mechanism, claim.check)
            stage = Stage("mechanism", f"{claim.id}: {claim.check.id}", {"check": check, **of_numerics}, {})
            stages.setdefault(stage.digest, stage)
            mechanisms[claim.id] = stage.digest
    chosen.check(paper, profile)
    return Plan(paper.info.id, profile, stages, tuple(cells), mechanisms)
