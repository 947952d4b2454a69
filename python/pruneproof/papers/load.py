"""Reads a paper folder: three TOML files and its printed tables, checked against each other; refusals name the line."""

import csv
import inspect
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.choice import Choice
from pruneproof.contracts.claims import ClaimTest, Outcome
from pruneproof.contracts.counting import CountingRule
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.floor import Floor
from pruneproof.contracts.mechanism import Mechanism
from pruneproof.contracts.model import Model
from pruneproof.contracts.recipe import Recipe
from pruneproof.contracts.schedule import Schedule
from pruneproof.contracts.structure import Structure
from pruneproof.errors import BadConfig, NameClash, UnknownName
from pruneproof.papers.grid import expand
from pruneproof.papers.locate import KeyPath, locate
from pruneproof.papers.printed import Row
from pruneproof.papers.schema import (
    Arm,
    ClaimsFile,
    MechanismClaim,
    Operand,
    PaperInfo,
    PrintedClaim,
    ProfileName,
    Quantity,
    RerunClaim,
    Run,
    RunsFile,
)
from pruneproof.registry.catalog import Catalog
from pruneproof.registry.kinds import kind_of
from pruneproof.selection.rules import SCOPES, resolve
from pruneproof.values.digests import digest_bytes, digest_json

File = TypeVar("File", bound=BaseModel)
Lines = Mapping[KeyPath, int]
_NO_BLAME = {"bool_type", "float_type", "string_type", "list_type"}
"""Errors of the simple side of a union such as `Quantity | float`; the table side says more."""


@dataclass(frozen=True)
class Paper:
    """A paper folder, read and checked."""

    info: PaperInfo
    runs: RunsFile
    claims: ClaimsFile
    tables: Mapping[str, Sequence[Row]]
    """Table id (file name without `.csv`) -> rows as printed."""
    folder: Path
    digest: str
    """Over the bytes of the folder's TOML and CSV files."""
    lines: Mapping[str, Lines]
    """File name -> key path -> line."""

    def line(self, file: str, *path: str | int) -> str:
        """Return `runs.toml, line 14` for a key path, or for the nearest table around it that the file spells out."""
        return f"{file}, line {_line(self.lines[file], path)}"


def load_paper(folder: Path) -> Paper:
    """Read a paper folder and check its files against each other.

    Raises:
        BadConfig: a file is missing, is not valid TOML or CSV, has a wrong type or range, or contradicts another.
        UnknownName: a key, run, method, sparsity, profile, table or column that does not exist.
    """
    info, info_lines = _read(folder / "paper.toml", PaperInfo)
    runs, runs_lines = _read(folder / "runs.toml", RunsFile)
    claims, claims_lines = _read(folder / "claims.toml", ClaimsFile)
    if not (folder / "citation.bib").is_file():
        raise BadConfig(f"paper folder {folder} has no citation.bib. Add one, so that people can cite the paper.")
    files = sorted([*folder.glob("*.toml"), *folder.glob("tables/*.csv")])
    paper = Paper(
        info=info,
        runs=runs,
        claims=claims,
        tables={path.stem: _read_table(path) for path in files if path.suffix == ".csv"},
        folder=folder,
        digest=digest_json({path.relative_to(folder).as_posix(): digest_bytes(path.read_bytes()) for path in files}),
        lines={"paper.toml": info_lines, "runs.toml": runs_lines, "claims.toml": claims_lines},
    )
    check_runs(paper)
    _check_claims(paper)
    return paper


def list_papers(folders: Iterable[Path]) -> list[PaperInfo]:
    """Read only the `paper.toml` of each folder."""
    return [_read(folder / "paper.toml", PaperInfo)[0] for folder in folders]


def find_paper(name: str, folders: Iterable[Path]) -> Path:
    """Return the folder of a paper by id or arXiv number; `arXiv:2209.14624v1` is the same as `2209.14624`.

    Raises:
        UnknownName: no folder has it.
        NameClash: several have it.
    """
    papers = [(folder, _read(folder / "paper.toml", PaperInfo)[0]) for folder in folders]
    wanted = re.sub(r"^arxiv:\s*|(?<=\d)v\d+$", "", name.strip().lower())
    found = [folder for folder, info in papers if wanted == info.id or (info.arxiv and wanted == info.arxiv)]
    if len(found) > 1:
        places = " and ".join(str(folder) for folder in found)
        raise NameClash(f'paper "{name}" is in several folders: {places}. Ask by id, or uninstall one of the packages.')
    if found:
        return found[0]
    known = [known for _, info in papers for known in (info.id, info.arxiv) if known]
    raise UnknownName.among("paper", name, known, advice="`repro list` shows them all.")


def check_names(paper: Paper, catalog: Catalog) -> None:
    """Check everything that the paper calls by a registered name, and the options it gives.

    Claim tests are tried on empty samples, so each checks its own parameters and number of operands.

    Raises:
        UnknownName: a criterion, scope, schedule, model, data set, augmentation, mechanism or claim test that the
            paper's plugins do not register, or an option that it does not have.
        BadConfig: an option without a default is not given, or a claim test refuses its parameters.
    """
    for profile in paper.runs.profiles:
        for run_id, run in paper.runs.runs(profile).items():
            _check_run_names(paper, catalog, run, (profile, run_id))
    for number, claim in enumerate(paper.claims.claim):
        where = paper.folder.name + "/" + paper.line("claims.toml", "claim", number)
        if isinstance(claim, MechanismClaim):
            _check_choice(catalog, Mechanism, claim.check, where)
        elif isinstance(claim, RerunClaim):
            decide = catalog.get(ClaimTest, claim.test.id, where=where).decide
            for evidence in claim.evidence.values():
                _try_test(
                    claim.test.id, decide, len(evidence.operands), claim.test.options | evidence.parameters, where
                )


def _try_test(
    test: str, decide: Callable[..., Outcome], operands: int, parameters: Mapping[str, Any], where: str
) -> None:
    samples: list[tuple[float, ...]] = [()] * operands
    try:
        inspect.signature(decide).bind(samples, **parameters)
        decide(samples, **parameters)
    except BadConfig as problem:
        raise BadConfig(f"{where}: {problem}") from None
    except TypeError as problem:
        raise BadConfig(f'{where}: claim test "{test}" refuses its parameters: {problem}.') from None
    except (ArithmeticError, ValueError, LookupError):
        return  # a stranger's test that stumbles over empty samples has taken its parameters


def _check_run_names(paper: Paper, catalog: Catalog, run: Run, at: KeyPath) -> None:
    def where(*path: str | int) -> str:
        return paper.folder.name + "/" + paper.line("runs.toml", *at, *path)

    _check_choice(catalog, Model, run.model, where("model"))
    known = catalog.get(DataSet, run.data, where=where("data")).augmentations
    augment: dict[KeyPath, Sequence[str]] = {
        (key,): recipe.augment for key, recipe in (("dense", run.dense), ("retrain", run.retrain)) if recipe
    }
    augment |= {("arms", number, "retrain"): arm.retrain.get("augment", ()) for number, arm in enumerate(run.arms)}
    for at_recipe, names in augment.items():
        for name in names:
            if name not in known:
                raise UnknownName.among(f"augmentation of {run.data}", name, known, where=where(*at_recipe, "augment"))
    for number, arm in enumerate(run.arms):
        _check_choice(catalog, Criterion, arm.criterion, where("arms", number, "criterion"))
        _check_choice(catalog, Schedule, arm.schedule, where("arms", number, "schedule"))
        _check_selection(catalog, arm, where("arms", number, "select"))


def _check_selection(catalog: Catalog, arm: Arm, where: str) -> None:
    named: list[tuple[type[Any], Choice, tuple[str, ...]]] = [
        (Allocation, arm.select.scope, SCOPES),
        (Structure, arm.select.structure, ("weight",)),
        (Floor, arm.select.floor, ("none",)),
        (CountingRule, arm.select.count, ("exact",)),
    ]
    for of, chosen, words in named:
        if chosen.id not in words:
            _check_choice(catalog, of, chosen, where)
        elif chosen.options:
            raise BadConfig(f'{where}: "{chosen.id}" takes no options; found {dict(chosen.options)}.')
    try:
        rules = resolve(arm.select, catalog.get)
    except BadConfig as problem:
        raise BadConfig(f"{where}: {problem}") from None
    if rules.floor is not None and rules.floor.final and (arm.steps > 1 or arm.during is not None):
        raise BadConfig(
            f'{where}: the floor "{rules.floor.id}" is a one-shot rule for dense networks; it cannot continue from a '
            "mask."
        )


def _check_choice(catalog: Catalog, of: type[Any], chosen: Choice, where: str) -> None:
    value, kind = catalog.get(of, chosen.id, where=where), kind_of(of)
    options = kind.options(value)
    for name in chosen.options:
        if name not in options:
            raise UnknownName.among(f'option of {kind.noun} "{chosen.id}"', name, options, where=where)
        default, given = options[name], chosen.options[name]
        if not _like(given, default):
            raise BadConfig(
                f'{where}: {kind.noun} "{chosen.id}" has {name} = {given!r}, of type {type(given).__name__}; '
                f"{type(default).__name__} was expected, like its default {default!r}."
            )
    for name, default in options.items():
        if default is inspect.Parameter.empty and name not in chosen.options:
            raise BadConfig(f'{where}: {kind.noun} "{chosen.id}" needs the option "{name}". Add it.')


def _like(given: Any, default: Any) -> bool:
    """Say whether a value has the type of a default; a whole number does for a float, and an array for a tuple."""
    if default is None or default is inspect.Parameter.empty:
        return True
    return isinstance(given, {float: (int, float), tuple: (list, tuple)}.get(type(default), type(default))) and (
        isinstance(given, bool) == isinstance(default, bool)
    )


def check_runs(paper: Paper) -> None:
    """Check what `runs.toml` says against itself.

    Raises:
        BadConfig: runs without a profile, an arm without what it needs, or two arms that cannot be told apart.
    """
    for profile in get_args(ProfileName):
        runs = paper.runs.runs(profile)
        if runs and profile not in paper.runs.profiles:
            _refuse(paper, "runs.toml", (profile,), f'there are runs, but no table "profiles.{profile}". Add it.')
        for run_id, run in runs.items():
            _check_run(paper, run, (profile, run_id))


def _check_run(paper: Paper, run: Run, at: KeyPath) -> None:
    seen: dict[tuple[str, float], int] = {}
    for number, arm in enumerate(run.arms):
        here: KeyPath = (*at, "arms", number)
        if arm.method == "dense":
            _refuse(paper, "runs.toml", here, 'the method "dense" means the unpruned network. Choose another label.')
        if run.retrain is None:
            _refuse(paper, "runs.toml", here, 'the run has arms, but no "retrain" recipe. Add one.')
        if arm.start == "dense" and run.dense is None:
            _refuse(
                paper, "runs.toml", here, 'the arm starts from the dense network, but the run has no "dense" recipe.'
            )
        try:
            Recipe.model_validate(run.retrain.model_dump() | arm.retrain)
        except ValidationError as problem:
            _explain(problem, paper.folder / "runs.toml", Recipe, paper.lines["runs.toml"], (*here, "retrain"))
        sparsities = arm.sparsities or run.sparsities
        if not sparsities:
            _refuse(paper, "runs.toml", here, "neither the arm nor its run names sparsities.")
        for sparsity in sparsities:
            if (arm.method, sparsity) in seen:
                earlier = paper.line("runs.toml", *at, "arms", seen[arm.method, sparsity])
                found = f'method "{arm.method}" at sparsity {sparsity:g} is already an arm of this run ({earlier}).'
                _refuse(paper, "runs.toml", here, f"{found} Change its label or sparsity.")
            seen[arm.method, sparsity] = number


def _check_claims(paper: Paper) -> None:
    seen: dict[str, int] = {}
    for number, claim in enumerate(paper.claims.claim):
        at: KeyPath = ("claim", number)
        if claim.id in seen:
            earlier = paper.line("claims.toml", "claim", seen[claim.id])
            _refuse(paper, "claims.toml", at, f'claim id "{claim.id}" is already taken ({earlier}).')
        seen[claim.id] = number
        if isinstance(claim, PrintedClaim):
            for which, comparison in enumerate(claim.compare):
                for key, side in (("left", comparison.left), ("right", comparison.right)):
                    if isinstance(side, Quantity):
                        _check_quantity(paper, side, (*at, "compare", which, key))
        elif isinstance(claim, RerunClaim):
            for profile, evidence in claim.evidence.items():
                if profile not in paper.runs.profiles:
                    where = _where(paper, "claims.toml", (*at, "evidence", profile))
                    raise UnknownName.among("profile", profile, paper.runs.profiles, where=where)
                for which, operand in enumerate(evidence.operands):
                    _check_operand(paper, profile, operand, (*at, "evidence", profile, "operands", which))


def _check_quantity(paper: Paper, quantity: Quantity, at: KeyPath) -> None:
    where = _where(paper, "claims.toml", at)
    if quantity.table not in paper.tables:
        raise UnknownName.among("table", quantity.table, paper.tables, where=where)
    rows = paper.tables[quantity.table]
    columns = list(rows[0]) if rows else []
    for column in (quantity.column, *quantity.where, *quantity.but_not, *quantity.at_least, *quantity.at_most):
        if column not in columns:
            raise UnknownName.among(f"column of table {quantity.table}", column, columns, where=where)


def _check_operand(paper: Paper, profile: str, operand: Operand, at: KeyPath) -> None:
    where = _where(paper, "claims.toml", at)
    runs = paper.runs.runs(profile)
    if operand.run not in runs:
        raise UnknownName.among(f"{profile} run", operand.run, runs, where=where)
    run = runs[operand.run]
    sparsities: dict[str, list[float]] = {} if run.dense is None else {"dense": [0.0]}
    for arm in run.arms:
        sparsities.setdefault(arm.method, []).extend(arm.sparsities or run.sparsities)
    if operand.method not in sparsities:
        raise UnknownName.among(f"method of {profile} run {operand.run}", operand.method, sparsities, where=where)
    if operand.sparsity not in sparsities[operand.method]:
        known = [f"{each:g}" for each in sparsities[operand.method]]
        kind = f"sparsity of {profile} run {operand.run}, method {operand.method},"
        raise UnknownName.among(kind, f"{operand.sparsity:g}", known, where=where)


def _read(path: Path, kind: type[File]) -> tuple[File, Lines]:
    """Parse one TOML file into its class, with the line of each key."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        needed = "a paper folder holds paper.toml, runs.toml and claims.toml"
        raise BadConfig(f"{path} does not exist; {needed}. Add it, or correct the folder's name.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise BadConfig(f"{path} cannot be read as UTF-8 text: {problem}.") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        found = re.search(r"line (\d+)", str(problem))
        line = int(found[1]) if found else text.count("\n") + 1
        raise BadConfig(f"{path}, line {line}: not valid TOML: {problem}.") from None
    content, lines = expand(content, locate(text), path)
    try:
        return kind.model_validate(content), lines
    except ValidationError as problem:
        _explain(problem, path, kind, lines)


def _read_table(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        columns = next(reader, [])
        if not columns or len(set(columns)) != len(columns) or "" in columns:
            raise BadConfig(f"{path}, line 1: {columns} is no table head; distinct column names were expected.")
        rows: list[Row] = []
        for cells in reader:
            if len(cells) != len(columns):
                found = f"{len(cells)} cells, but the table has {len(columns)} columns: {', '.join(columns)}"
                raise BadConfig(f"{path}, line {reader.line_num}: {found}. Quote cells that contain a comma.")
            rows.append(dict(zip(columns, cells, strict=True)))
        return rows


def _explain(problem: ValidationError, path: Path, kind: type[BaseModel], lines: Lines, at: KeyPath = ()) -> NoReturn:
    """Raise what pydantic found as one message: the deepest error, with file and line."""
    errors = [each for each in problem.errors() if each["type"] not in _NO_BLAME] or problem.errors()
    worst = max(errors, key=lambda each: len(_spelled((*at, *each["loc"]), lines)))
    spelled = _spelled((*at, *worst["loc"]), lines)
    where = f"{path}, line {_line(lines, spelled)}"
    key = str(worst["loc"][-1]) if worst["loc"] else ""
    if worst["type"] == "extra_forbidden":
        raise UnknownName.among("key", key, keys_at(kind, worst["loc"][:-1]), where=where) from None
    label = ".".join(str(part) for part in spelled)
    if worst["type"] == "missing":
        raise BadConfig(f'{where}: the key "{key}" is missing{f" in {label}" if label else ""}. Add it.') from None
    message = worst["msg"].removeprefix("Value error, ")
    found = repr(worst["input"])
    found = found if len(found) <= 80 else f"{found[:77]}..."
    raise BadConfig(f"{where}: {label}: {message}; found {found}.") from None


def _spelled(path: Sequence[str | int], lines: Lines) -> KeyPath:
    """Drop from a pydantic location what is not spelled in the file: union tags and missing keys."""
    spelled: KeyPath = ()
    for part in path:
        if (*spelled, part) in lines:
            spelled = (*spelled, part)
    return spelled


def keys_at(kind: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the keys allowed at a pydantic location, walking from the class `kind`."""
    current = [kind]
    names_next = False
    for part in location:
        if isinstance(part, int) or names_next:
            names_next = False
            continue
        annotations = [each.model_fields[part].annotation for each in current if part in each.model_fields]
        if annotations:
            current = [found for each in annotations for found in _models(each)]
            names_next = any(get_origin(each) is dict for each in annotations)
        else:  # the tag of a union
            current = [each for each in current if part in (each.__name__, *_tags(each))] or current
    return sorted({name for each in current for name in each.model_fields})


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for each in get_args(annotation) for found in _models(each)]


def _tags(kind: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(kind.model_fields["kind"].annotation) if "kind" in kind.model_fields else ()


def _line(lines: Lines, path: Sequence[str | int]) -> int:
    spelled = tuple(path)
    while spelled and spelled not in lines:
        spelled = spelled[:-1]
    return lines.get(spelled, 1)


def _where(paper: Paper, file: str, path: KeyPath) -> str:
    return f"{paper.folder / file}, line {_line(paper.lines[file], path)}"


def _refuse(paper: Paper, file: str, path: KeyPath, message: str) -> NoReturn:
    raise BadConfig(f"{_where(paper, file, path)}: {message}")
