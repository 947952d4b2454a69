"""`repro check`: what a criterion, schedule, model or allocation obeys."""

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from platformdirs import user_cache_path

from pruneproof.cli.options import JsonOption, PluginOption, print_json

if TYPE_CHECKING:
    from pruneproof.testing import Report


class Checked(StrEnum):
    """What can be checked."""

    CRITERION = "criterion"
    SCHEDULE = "schedule"
    MODEL = "model"
    ALLOCATION = "allocation"


def check(
    kind: Annotated[Checked, typer.Argument(help="What is checked.")],
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Registered names, e.g. magnitude.")],
    plugin: PluginOption = None,
    json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="A quarter of the cases.")] = False,
) -> int:
    """Try every law of the conformance kit on what plugins register, and say law by law what holds.

    Exit status: 0 all laws hold or fail as declared, 1 one is broken. PRUNEPROOF_SLOW=1 tries ten times as many cases.
    """
    # Otherwise hypothesis keeps its notes in the folder where the user happens to be.
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(user_cache_path("pruneproof") / "hypothesis"))
    from pruneproof.registry.catalog import survey
    from pruneproof.testing import check_allocation, check_criterion, check_model, check_schedule

    checkers = {
        Checked.CRITERION: check_criterion,
        Checked.SCHEDULE: check_schedule,
        Checked.MODEL: check_model,
        Checked.ALLOCATION: check_allocation,
    }
    from pruneproof.registry.kinds import BY_NOUN

    of = BY_NOUN[kind.value].of
    found = survey(of=(of,), files=plugin or ())
    subjects = [found.owner(of, name, where="").value for name in ids]
    reports: list[Report] = []
    for subject in subjects:
        reports.append(checkers[kind](subject, quick=quick))  # type: ignore[operator]
        if not json:
            print(reports[-1], flush=True)
    if json:
        print_json([report.to_json() for report in reports])
    return 1 if any(report.failures for report in reports) else 0
