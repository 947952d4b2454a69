"""Cards of methods of this repository's papers, as planned or as recorded, for audits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pruneproof.contracts.choice import Choice
from pruneproof.contracts.model import Model
from pruneproof.errors import BadOption, UnknownName
from pruneproof.papers.audit_card import SETTINGS, Base, Card, Stage, sampled
from pruneproof.papers.check_claims import sparsities_of
from pruneproof.papers.check_names import check_names
from pruneproof.papers.installed import open_paper
from pruneproof.papers.overrides import override
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Record, kept
from pruneproof.papers.schema import Method, Run
from pruneproof.papers.setups import Part, cut_before_pruning, phases_of, rounds_of, structures_of
from pruneproof.papers.short_form import DENSE, dense_method
from pruneproof.pipeline.fold import Folder
from pruneproof.pipeline.kinds.table import WEIGHTS
from pruneproof.pipeline.writing import Writer
from pruneproof.registry.catalog import Catalog, build_catalog
from pruneproof.registry.kinds import kind_of
from pruneproof.training.rate import learning_rate

DENSE_STRUCTURE = "nothing"
"""The granularity of what is not pruned."""


@dataclass(frozen=True)
class Experiment:
    """A method of a run at a profile, as planned or as recorded."""

    where: str
    """What it is called by: the paper, or the record's file."""
    paper: Paper
    catalog: Catalog
    run_id: str
    method: str
    seeds: tuple[int, ...]
    run: Run
    record: Record | None = None

    @property
    def sparsities(self) -> list[float]:
        """At which the method was planned."""
        return sparsities_of(self.run)[self.method]


def planned(name: str, profile: str, run_id: str, method: str, files: Sequence[Path] = ()) -> Experiment:
    """Return a method as a paper plans it; nothing is run or read besides the paper.

    Raises:
        UnknownName: a paper, profile, run or method that does not exist.
    """
    paper = open_paper(name, files)
    catalog = build_catalog(paper.info.plugins, files=files)
    return _experiment(name, paper, catalog, profile, run_id, method, None)


def recorded(path: Path, run_id: str, method: str) -> Experiment:
    """Return a method as a record has it, with the steps of the paper's files that it was made of.

    Raises:
        UnknownName: a run or method that does not exist.
        RecordMissing, StoreCorrupt: as `Record.load`.
    """
    record = Record.load(path)
    foreign = [plugin for plugin in record.plugins if plugin.is_file or plugin.role == "added"]
    files = [Path(each.origin) for each in foreign if each.is_file]
    paper = open_paper(record.paper, files)
    added = [each.name for each in foreign if not each.is_file]
    catalog = build_catalog([*paper.info.plugins, *added], files=files)
    paper = override(paper, record.profile, record.variant)
    return _experiment(path.name, paper, catalog, record.profile, run_id, method, record)


def _experiment(
    where: str, paper: Paper, catalog: Catalog, profile: str, run_id: str, method: str, record: Record | None
) -> Experiment:
    check_names(paper, catalog)
    seeds, runs = paper.runs.profile(profile).seeds, paper.runs.runs(profile)
    if run_id not in runs:
        raise UnknownName.among(f"{profile} run", run_id, runs, where=where)
    run = runs[run_id]
    if method not in sparsities_of(run):
        raise UnknownName.among(f"method of {profile} run {run_id}", method, sparsities_of(run), where=where)
    return Experiment(where, paper, catalog, run_id, method, run.seeds or seeds, run, record)


def card_of(experiment: Experiment, sparsity: float) -> Card:
    """Return the card of a method at a sparsity.

    Raises:
        UnknownName: the method has no such sparsity, or the record no such network.
        BadOption: the record was made of other files of the paper, or by other code.
    """
    run = experiment.run
    name = f"{experiment.where}:{_called(experiment.run_id, experiment.method, sparsity)}"
    method = _method(experiment, sparsity, name)
    seeds = _seeds(experiment, method, sparsity)
    phases = phases_of(run, method)
    trained = (*phases.before, *phases.pruning, *phases.after)
    return Card(
        name=name,
        dataset=run.data,
        fingerprint=experiment.record.data.get(run.data) if experiment.record else None,
        network=_network(run.model, experiment.catalog),
        granularity=", ".join(structures_of(run, method)) or DENSE_STRUCTURE,
        sparsity=sparsity,
        rounds=rounds_of(run, method),
        report="best-on-validation" if trained and trained[-1][0].validation else "last",
        base=Base() if phases.is_scratch else _base(experiment, method, sparsity, seeds),
        pretrain=_stage(phases.before, experiment.catalog),
        prune=_stage(phases.pruning, experiment.catalog),
        retrain=_stage(phases.after, experiment.catalog),
        is_scratch=phases.is_scratch,
    )


def _method(experiment: Experiment, sparsity: float, name: str) -> Method:
    run = experiment.run
    if experiment.method == DENSE and DENSE in run.recipe:
        return dense_method()
    of = [each for each in run.methods if each.method == experiment.method]
    for each in of:
        if sparsity in (each.sparsities or run.sparsities):
            return each
    known = [f"{each:g}" for each in experiment.sparsities]
    raise UnknownName.among("sparsity", f"{sparsity:g}", known, where=name)


def _network(chosen: Choice, catalog: Catalog) -> str:
    """Return a model with the options that are not its defaults."""
    defaults = kind_of(Model).options(catalog.get(Model, chosen.id))
    options = [f"{name} = {each}" for name, each in sorted(chosen.options.items()) if each != defaults.get(name)]
    return f"{chosen.id} ({', '.join(options)})" if options else chosen.id


def _stage(parts: Sequence[Part], catalog: Catalog) -> Stage:
    rates = tuple(
        rate
        for recipe, start, stop in parts
        for rate in sampled(learning_rate(recipe, catalog.get), start, stop, by_step=recipe.lr_update == "step")
    )
    used = [recipe.model_dump() | {"distillation": False, "averaging": False} for recipe, _, _ in parts]
    settings = {name: list(dict.fromkeys(_plain(each[name]) for each in used)) for name in SETTINGS} if used else {}
    return Stage(
        sum(stop - start for _, start, stop in parts),
        rates,
        {name: values[0] if len(values) == 1 else " then ".join(map(str, values)) for name, values in settings.items()},
    )


def _plain(value: Any) -> Any:
    return "none" if value is None else tuple(value) if isinstance(value, list) else value


def _seeds(experiment: Experiment, method: Method, sparsity: float) -> tuple[int, ...]:
    """Return the seeds of a method, of a record those for which it has the network, made by the steps that are planned.

    Raises:
        UnknownName: the record has no such network.
        BadOption: the record was made of other files of the paper, or by other code.
    """
    record, wanted = experiment.record, (experiment.run_id, experiment.method, sparsity)
    if record is None:
        return experiment.seeds
    cells = [cell for cell in record.cells if (cell.run, cell.method, cell.sparsity) == wanted]
    if not cells:
        networks = dict.fromkeys(_called(cell.run, cell.method, cell.sparsity) for cell in record.cells)
        raise UnknownName.among("network", _called(*wanted), networks, where=experiment.where)
    for cell in cells:
        stages = _folder(experiment, cell.seed, record).cell(method, sparsity).stages
        if tuple(map(kept, stages)) != cell.stages:
            raise BadOption(
                f"{experiment.where} has other stages for {_called(*wanted)}, seed {cell.seed}, than this installation "
                "plans: the paper's files or the code have changed since, so how it was made is not known. Install the "
                "versions that the record names, or run the paper again."
            )
    return tuple(sorted(cell.seed for cell in cells))


def _base(experiment: Experiment, method: Method, sparsity: float, seeds: Sequence[int]) -> Base:
    """Return the digests of the networks on which the mask is first decided.

    Planned digests are those of any machine, so that a plan and a record can be compared.
    """
    cut, record = cut_before_pruning(experiment.run, method), experiment.record
    if cut is None:
        return Base()
    planned = tuple(_folder(experiment, seed, None).fold(cut, sparsity).state.weights for seed in seeds)
    if record is None:
        return Base(planned=planned)
    made = {stage.digest: stage.outputs.get(WEIGHTS.file) for stage in record.stages}
    weights = [made.get(kept(_folder(experiment, seed, record).fold(cut, sparsity).state.weights)) for seed in seeds]
    return Base(tuple(each for each in weights if each is not None) if None not in weights else None, planned)


def _folder(experiment: Experiment, seed: int, record: Record | None) -> Folder:
    where, fingerprint = {"device": "cpu"}, None
    if record is not None:
        where = {"device": "cpu" if record.environment["device"] == "cpu" else "cuda"}
        where |= {} if record.numerics == "native" else {"numerics": record.numerics}
        fingerprint = record.data.get(experiment.run.data)
    writer = Writer(experiment.catalog)
    return Folder(experiment.run_id, experiment.run, seed, experiment.catalog, fingerprint, writer, where)


def _called(run: str, method: str, sparsity: float) -> str:
    return f"{run}/{method}@{sparsity:g}"
