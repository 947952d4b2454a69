"""`--set`: changes to a profile's runs, checked like the file itself."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import ValidationError

from pruneproof.errors import BadConfig, UnknownName
from pruneproof.papers.check_runs import check_runs
from pruneproof.papers.explain import keys_at
from pruneproof.papers.paper import Paper
from pruneproof.papers.schema import RunsFile
from pruneproof.papers.settings import Setting
from pruneproof.papers.twins import KEYS, add_twins, group


def override(paper: Paper, profile: str, settings: Sequence[str]) -> Paper:
    """Return the paper with settings applied to the runs of one profile.

    Keys are those of runs.toml: `mlp.recipe.retrain.epochs=3`, `mlp.sparsities=[0.5]`,
    `mlp.methods.global.select.scope=erk` (all tables of the method `global`). A key of a method without a run
    (`criterion=snip`) leaves the methods as they are and adds a twin of each, see `twins`. Values are TOML; anything
    else is taken as a string.

    Raises:
        BadOption: a setting without `=`, or that changes nothing.
        UnknownName: a run, key or method that does not exist.
        BadConfig: a value of the wrong type or range.
    """
    if not settings:
        return paper
    content = paper.runs.model_dump(mode="json")
    paper.runs.profile(profile)
    of_runs, of_twins = split(paper, profile, settings)
    for setting in of_runs:
        setting.apply(content[profile])
    said = " ".join(f"--set {setting}" for setting in settings)
    try:
        add_twins(content[profile], of_twins)
        changed = replace(paper, runs=RunsFile.model_validate(content))
        check_runs(changed)
    except ValidationError as problem:
        first = problem.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            key = str(first["loc"][-1])
            raise UnknownName.among("key", key, keys_at(RunsFile, first["loc"][:-1]), where=said) from None
        raise BadConfig(
            f"{said} leads to an invalid run: {at}: {first['msg']} (found {first['input']!r})."
        ) from problem
    except BadConfig as problem:
        raise BadConfig(f"{said} leads to an invalid run: {problem}") from problem
    return changed


def split(paper: Paper, profile: str, settings: Sequence[str]) -> tuple[list[Setting], list[Setting]]:
    """Return the settings of runs and those of twins; a run that is named like a key of a method is the run.

    Raises:
        BadOption: a setting without `=`.
        UnknownName: neither a run nor a key of a method.
    """
    runs = paper.runs.runs(profile)
    of_runs: list[Setting] = []
    of_twins: list[Setting] = []
    for setting in map(Setting.read, settings):
        first = setting.keys[0]
        if first in KEYS and first not in runs:
            of_twins.append(setting)
        elif first in runs and len(setting.keys) > 1:
            of_runs.append(setting)
        else:
            kind = "run or key of a method" if first not in runs else "key of a method (a run needs one of its keys)"
            raise UnknownName.among(kind, first, [*runs, *KEYS], where=f"--set {setting.text}")
    return of_runs, of_twins


def suffixes(paper: Paper, profile: str, settings: Sequence[str]) -> tuple[str, ...]:
    """Return the suffixes of the twins that `override` adds."""
    return tuple(group(split(paper, profile, settings)[1]))
