"""Checks what `claims.toml` says against the runs and the printed tables."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pruneproof.errors import UnknownName
from pruneproof.papers.check_runs import measured, refuse
from pruneproof.papers.findings import matches
from pruneproof.papers.locate import KeyPath
from pruneproof.papers.paper import Paper
from pruneproof.papers.printed import quantities_of
from pruneproof.papers.schema import Operand, PrintedClaim, Quantity, RerunClaim, Run, SetupClaim, Welch
from pruneproof.papers.setups import PROPERTIES
from pruneproof.papers.short_form import DENSE, dense_method


def check_claims(paper: Paper) -> None:
    """Check ids, operands, tables, columns, what is required and what is named as unjudged.

    Raises:
        BadConfig: two claims of one id.
        UnknownName: a run, method, sparsity, step, profile, table or column that does not exist.
    """
    seen: dict[str, int] = {}
    for number, claim in enumerate(paper.claims.claim):
        at: KeyPath = ("claim", number)
        if claim.id in seen:
            earlier = paper.line("claims.toml", "claim", seen[claim.id])
            refuse(paper, at, f'claim id "{claim.id}" is already taken ({earlier}).', "claims.toml")
        seen[claim.id] = number
        if isinstance(claim, PrintedClaim):
            for which, comparison in enumerate(claim.compare):
                for key, side in (("left", comparison.left), ("right", comparison.right)):
                    for quantity in quantities_of(side):
                        _check_quantity(paper, quantity, (*at, "compare", which, key))
                        if isinstance(side, Welch):
                            spread = quantity.model_copy(update={"column": side.spread})
                            _check_quantity(paper, spread, (*at, "compare", which, key))
        elif isinstance(claim, RerunClaim):
            earlier_ids = [each for each in seen if each != claim.id]
            _check_required(paper, claim.requires, earlier_ids, (*at, "requires"))
            for profile, evidence in claim.evidence.items():
                _check_profile(paper, profile, (*at, "evidence", profile))
                for which, operand in enumerate(evidence.operands):
                    _check_operand(paper, profile, operand, (*at, "evidence", profile, "operands", which))
                _check_required(paper, paper.required(claim, profile), earlier_ids, (*at, "evidence", profile))
        elif isinstance(claim, SetupClaim):
            for name in (*claim.equal, *claim.different):
                if name not in PROPERTIES:
                    where = paper.where("claims.toml", *at)
                    raise UnknownName.among("property of a set-up", name, PROPERTIES, where=where)
            for profile, pair in claim.evidence.items():
                _check_profile(paper, profile, (*at, "evidence", profile))
                run = _run(paper, profile, pair.run, (*at, "evidence", profile))
                for method in pair.methods:
                    _check_method(paper, profile, pair.run, run, method, (*at, "evidence", profile))
    for which, finding in enumerate(paper.claims.finding):
        for pattern in finding.claims:
            if not any(matches(name, [pattern]) for name in seen):
                where = paper.where("claims.toml", "finding", which)
                raise UnknownName.among("claim", pattern, seen, where=where)
    for profile, named in paper.claims.unjudged.items():
        _check_profile(paper, profile, ("unjudged", profile))
        for number, each in enumerate(named):
            at = ("unjudged", profile, number)
            run = _run(paper, profile, each.run, at)
            methods = [name for name in sparsities_of(run) if fnmatchcase(name, each.method)]
            if not methods:
                _check_method(paper, profile, each.run, run, each.method, at)
            for sparsity in each.sparsities:
                having = [name for name in methods if sparsity in sparsities_of(run)[name]]
                _check_sparsity(paper, profile, each.run, run, (having or methods)[0], sparsity, at)


def _check_required(paper: Paper, required: Sequence[str], earlier: Sequence[str], at: KeyPath) -> None:
    for name in required:
        if name not in earlier:
            advice = "A claim requires earlier ones, and so do the preconditions of the runs that it reads."
            raise UnknownName.among("claim", name, earlier, where=paper.where("claims.toml", *at), advice=advice)


def _check_profile(paper: Paper, profile: str, at: KeyPath) -> None:
    if profile not in paper.runs.profiles:
        raise UnknownName.among("profile", profile, paper.runs.profiles, where=paper.where("claims.toml", *at))


def _check_quantity(paper: Paper, quantity: Quantity, at: KeyPath) -> None:
    where = paper.where("claims.toml", *at)
    if quantity.table not in paper.tables:
        raise UnknownName.among("table", quantity.table, paper.tables, where=where)
    rows = paper.tables[quantity.table]
    columns = list(rows[0]) if rows else []
    for column in (quantity.column, *quantity.where, *quantity.but_not, *quantity.at_least, *quantity.at_most):
        if column not in columns:
            raise UnknownName.among(f"column of table {quantity.table}", column, columns, where=where)


def _run(paper: Paper, profile: str, name: str, at: KeyPath) -> Run:
    runs = paper.runs.runs(profile)
    if name not in runs:
        raise UnknownName.among(f"{profile} run", name, runs, where=paper.where("claims.toml", *at))
    return runs[name]


def sparsities_of(run: Run) -> dict[str, list[float]]:
    """Return method -> its sparsities."""
    found: dict[str, list[float]] = {DENSE: [0.0]} if DENSE in run.recipe else {}
    for method in run.methods:
        found.setdefault(method.method, []).extend(method.sparsities or run.sparsities)
    return found


def _check_method(paper: Paper, profile: str, run_id: str, run: Run, method: str, at: KeyPath) -> None:
    known = sparsities_of(run)
    if method not in known:
        where = paper.where("claims.toml", *at)
        raise UnknownName.among(f"method of {profile} run {run_id}", method, known, where=where)


def _check_sparsity(
    paper: Paper, profile: str, run_id: str, run: Run, method: str, sparsity: float, at: KeyPath
) -> None:
    known = sparsities_of(run)[method]
    if sparsity not in known:
        kind = f"sparsity of {profile} run {run_id}, method {method},"
        found = [f"{each:g}" for each in known]
        raise UnknownName.among(kind, f"{sparsity:g}", found, where=paper.where("claims.toml", *at))


def _check_operand(paper: Paper, profile: str, operand: Operand, at: KeyPath) -> None:
    where = paper.where("claims.toml", *at)
    run = _run(paper, profile, operand.run, at)
    _check_method(paper, profile, operand.run, run, operand.method, at)
    _check_sparsity(paper, profile, operand.run, run, operand.method, operand.sparsity, at)
    of = [each for each in run.methods if each.method == operand.method] or [dense_method()]
    of = [each for each in of if operand.sparsity in (each.sparsities or run.sparsities or (0.0,))] or of
    steps = measured(run, of[0])
    label = f"{profile} run {operand.run}, method {operand.method}"
    if operand.at not in steps:
        raise UnknownName.among(f"step that measures in {label},", operand.at, steps, where=where)
    if operand.metric not in steps[operand.at]:
        kind = f"metric of the step {operand.at} in {label},"
        raise UnknownName.among(kind, operand.metric, steps[operand.at], where=where)
