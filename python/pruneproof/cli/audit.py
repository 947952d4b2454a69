"""`repro audit FIRST SECOND`: at which set-up two experiments may be compared, and why not higher."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pruneproof.cli.options import JsonOption, PluginOption, ProfileOption, print_json, to_path
from pruneproof.cli.output import console, say
from pruneproof.errors import BadOption, UnknownName

if TYPE_CHECKING:
    from pruneproof.papers.audit import Audit
    from pruneproof.papers.audit_card import Card
    from pruneproof.pipeline.audited import Experiment

NO_LEVEL = 9
STATUSES = {"S1": 10, "SX-B": 11, "SX-A": 12, "S2": 20, "S3.1": 31, "S3.2": 32, "S4.1": 41, "S4.2": 42}
"""Exit status by level, see docs/exit-status.md."""
METHOD = re.compile(r"(?P<where>.+):(?P<run>[^:/@]+)/(?P<method>[^:/@]+)(@(?P<sparsity>0?\.[0-9]+|0))?")


def audit(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FIRST SECOND",
            help="PAPER:RUN/METHOD, RECORD.json:RUN/METHOD, either with @SPARSITY, or a card (TOML or JSON).",
        ),
    ] = None,
    profile: ProfileOption = "mini",
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", min=0, metavar="X", help="Largest difference of equal speed-ups; default 0.1."),
    ] = None,
    at_least: Annotated[
        str | None, typer.Option("--at-least", metavar="LEVEL", help="End with 0 when this level is proved.")
    ] = None,
    template: Annotated[bool, typer.Option("--template", help="Print a card to fill in, and nothing else.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a Markdown table for a paper's appendix.")
    ] = False,
    plugin: PluginOption = None,
    json: JsonOption = False,
) -> int:
    """Say at which set-up two experiments may be compared: S1 to S4.2, or SX-A and SX-B against scratch.

    Exit status: that of the highest level that is proved, 9 for none, 10 and up, as `docs/exit-status.md` lists; with
    `--at-least` 0 when that level is proved.
    """
    if template:
        from pruneproof.papers.audit_file import TEMPLATE

        say(TEMPLATE, end="")
        return 0
    if tolerance is not None and not math.isfinite(tolerance):
        raise BadOption(f"--tolerance {tolerance}: a number from 0 was expected, such as 0.1.")
    if at_least is not None and at_least not in STATUSES:
        raise UnknownName.among("level", at_least, STATUSES, where="--at-least")
    if len(experiments or ()) != 2:
        raise BadOption(
            f"repro audit compares two experiments; {len(experiments or ())} were given. Write PAPER:RUN/METHOD, "
            "RECORD.json:RUN/METHOD or the file of a card; `repro audit --template` prints one."
        )
    from pruneproof.papers.audit import TOLERANCE
    from pruneproof.papers.audit import audit as compare

    first, second = _cards(experiments or [], profile, plugin or [])
    found = compare(first, second, TOLERANCE if tolerance is None else tolerance)
    _print(found, json=json, markdown=markdown)
    if at_least in found.proved:
        return 0
    return STATUSES[found.level] if found.level is not None else NO_LEVEL


def _cards(arguments: list[str], profile: str, files: list[Path]) -> "list[Card]":
    """Read both experiments; a method without a sparsity is taken at the first that the other one has as well."""
    from pruneproof.papers.audit_file import read_card
    from pruneproof.pipeline.audited import card_of
    from pruneproof.registry.catalog import build_catalog

    named = [METHOD.fullmatch(argument) for argument in arguments]
    methods = [_experiment(match, profile, files) if match else None for match in named]
    asked = [float(match["sparsity"]) if match and match["sparsity"] else None for match in named]
    found: list[Card] = []
    for place, (argument, method) in enumerate(zip(arguments, methods, strict=True)):
        if method is None:
            found.append(read_card(to_path(argument), build_catalog(["builtin"], files=files)))
            continue
        other = methods[1 - place]
        wanted = asked[1 - place], *(other.sparsities if other and asked[1 - place] is None else ())
        shared = [each for each in method.sparsities if each in wanted] or method.sparsities
        sparsity = asked[place]
        found.append(card_of(method, shared[0] if sparsity is None else sparsity))
    return found


def _experiment(match: "re.Match[str]", profile: str, files: list[Path]) -> "Experiment":
    from pruneproof.pipeline.audited import planned, recorded

    if match["where"].endswith(".json"):
        return recorded(to_path(match["where"]), match["run"], match["method"])
    return planned(match["where"], profile, match["run"], match["method"], files)


def _print(found: "Audit", *, json: bool, markdown: bool) -> None:
    from pruneproof.report.audit import as_json, as_markdown, rows, sentences

    if json:
        print_json(as_json(found))
    elif markdown:
        say(as_markdown(found))
    else:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table

        table = Table("", found.first.name, found.second.name, "same", box=SIMPLE_HEAD, pad_edge=False)
        for row in rows(found):
            table.add_row(*row)
        console(highlight=False).print(table)
        for sentence in sentences(found):
            say(sentence)
