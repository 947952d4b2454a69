"""Arguments and options that several verbs share."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pruneproof.cli.output import say
from pruneproof.errors import BadOption

MOST_SEEDS = 10_000


class Device(StrEnum):
    """Where networks are trained."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


Paper = Annotated[str, typer.Argument(metavar="PAPER", help="Paper id or arXiv number, e.g. global-mp or 2209.14624.")]
ProfileOption = Annotated[
    str, typer.Option("--profile", "-p", metavar="NAME", help="How large the experiments are; repro show lists them.")
]
SeedsOption = Annotated[str, typer.Option("--seeds", metavar="N|A,B,...", help="How many seeds, or which ones.")]
DeviceOption = Annotated[Device, typer.Option("--device", help="Where networks are trained.")]
NumericsOption = Annotated[
    str | None,
    typer.Option(
        "--numerics", metavar="CLASS", help="How CPUs compute: native, x86-64-v3 or portable; default: the profile's."
    ),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="RUN[/METHOD]", help="Only these runs, methods or mechanism claims."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="[RUN.]KEY=VALUE",
        help="Change a value of a run, or run every method once more with it: a variant, without verdicts.",
    ),
]
PluginOption = Annotated[
    list[Path] | None, typer.Option("--plugin", metavar="FILE", help="Load a plugin that is one Python file.")
]
WithOption = Annotated[
    list[str] | None, typer.Option("--with", metavar="PLUGIN", help="Load an installed plugin that no paper names.")
]
StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", help="Where finished work is kept.", envvar="PRUNEPROOF_STORE")
]
DataOption = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Where data sets lie.", envvar="PRUNEPROOF_DATA")
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes; default: as cores and memory allow, one on a GPU.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def parse_seeds(text: str) -> tuple[int, ...] | None:
    """Read `--seeds`: empty for the profile's, a number of seeds, or a comma-separated list.

    >>> parse_seeds(""), parse_seeds("3"), parse_seeds("4,7"), parse_seeds("5,")
    (None, (0, 1, 2), (4, 7), (5,))

    Raises:
        BadOption: anything else, no seed at all, or a seed twice.
    """
    if not text:
        return None
    try:
        several = "," in text
        seeds = tuple(int(part) for part in text.split(",") if part) if several else tuple(range(min(int(text), 10**6)))
    except ValueError:
        seeds = ()
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0 or len(seeds) > MOST_SEEDS:
        raise BadOption(
            f'--seeds "{text}" is not understood. Write a number of seeds (5, at most {MOST_SEEDS}) or different '
            "seeds (0,1,7)."
        )
    return seeds


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=str))
