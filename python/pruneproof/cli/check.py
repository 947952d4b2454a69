"""`repro check`: what a criterion, an update, a model, ... obeys."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer
from platformdirs import user_cache_path

from pruneproof.cli.options import JsonOption, PluginOption, print_json
from pruneproof.cli.output import say
from pruneproof.errors import UnknownName
from pruneproof.registry.kinds import KINDS

if TYPE_CHECKING:
    from pruneproof.testing import Report

CHECKED = {kind.word: kind for kind in KINDS if kind.laws}
"""Kind as the command line calls it -> its row; those that the conformance kit has laws for."""


def check(
    kind: Annotated[str, typer.Argument(help=f"What is checked: {', '.join(CHECKED)}.")],
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Registered names, e.g. magnitude.")],
    plugin: PluginOption = None,
    json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="A quarter of the cases.")] = False,
) -> int:
    """Try every law of the conformance kit on what plugins register, and say law by law what holds.

    Exit status: 0 all laws hold or fail as declared, 1 one is broken. PRUNEPROOF_SLOW=1 tries ten times as many cases.
    """
    # Otherwise hypothesis keeps its notes in the folder where the user happens to be.
    with suppress(RuntimeError):  # no home folder is known
        notes = (user_cache_path("pruneproof") / "hypothesis").expanduser()
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(notes))
    from pruneproof.registry.catalog import survey
    from pruneproof.testing.checks import check_value

    if kind not in CHECKED:
        raise UnknownName.among("kind", kind, CHECKED)
    of = CHECKED[kind].of
    found = survey(of=(of,), files=plugin or ())
    subjects = [found.owner(of, name, where="").value for name in ids]
    reports: list[Report] = []
    for name, subject in zip(ids, subjects, strict=True):
        with _law_at_work(name, quiet=json) as on_law:
            reports.append(check_value(subject, quick=quick, on_law=on_law))
        if not json:
            say(reports[-1])
    if json:
        print_json([report.to_json() for report in reports])
    return 1 if any(report.failures for report in reports) else 0


@contextmanager
def _law_at_work(name: str, *, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show on stderr, where it is a terminal, which law is tried; the line goes when all are."""
    if quiet or not sys.stderr.isatty():
        yield lambda law, place, total: None
        return
    from rich.console import Console

    with Console(stderr=True).status(name) as shown:
        yield lambda law, place, total: shown.update(f"{name}: law {place} of {total}, {law}")
