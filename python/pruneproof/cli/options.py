"""Arguments and options that several verbs share."""

import errno
import json
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pruneproof.cli.output import say
from pruneproof.errors import BadOption
from pruneproof.values.opening import in_words
from pruneproof.values.visible import HIDDEN

MOST_SEEDS = 10_000
LARGEST_SEED = 2**63 - 1


def to_path(text: str | Path) -> Path:
    """Return a path as the command line gives it; `~` is the home folder.

    Raises:
        typer.BadParameter: it is empty, or no path that this system could open or make.
    """
    if not os.fspath(text).strip():
        raise typer.BadParameter("the path is empty. Name a file or a folder, or leave the option out.")
    try:
        path = Path(text).expanduser()
        path.stat()
        return path
    except RuntimeError:
        raise typer.BadParameter(f"{text}: there is no such user, so no home folder. Write the path out.") from None
    except ValueError:
        raise typer.BadParameter(f"{text}: a path cannot hold these characters. Name another.") from None
    except OSError as problem:
        if problem.errno in (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL):
            raise typer.BadParameter(f"{text}: {problem.strerror}. Name another.") from None
        return path  # there is nothing yet; who reads or makes it says what is wrong


def to_folder(text: str | Path) -> Path:
    """Return the path of a folder, which need not exist, as the command line gives it.

    Raises:
        typer.BadParameter: as `to_path`; or there is something else.
    """
    path = to_path(text)
    if path.exists() and not path.is_dir():
        raise typer.BadParameter(f"{text} is {in_words(path.stat().st_mode)}; a folder was expected. Name another.")
    return path


class Device(StrEnum):
    """Where networks are trained."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


Paper = Annotated[str, typer.Argument(metavar="PAPER", help="Paper id or arXiv number, e.g. global-mp or 2209.14624.")]
ProfileOption = Annotated[
    str, typer.Option("--profile", "-p", metavar="NAME", help="How large the experiments are; repro show lists them.")
]
SeedsOption = Annotated[
    str | None, typer.Option("--seeds", metavar="N|A,B,...", help="How many seeds, or which ones.", show_default=False)
]
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
    list[Path] | None,
    typer.Option("--plugin", metavar="FILE", help="Load a plugin that is one Python file.", parser=to_path),
]
WithOption = Annotated[
    list[str] | None, typer.Option("--with", metavar="PLUGIN", help="Load an installed plugin that no paper names.")
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store", metavar="DIR", help="Where finished work is kept.", envvar="PRUNEPROOF_STORE", parser=to_folder
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data-dir", metavar="DIR", help="Where data sets lie.", envvar="PRUNEPROOF_DATA", parser=to_folder),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Processes; default: as cores and memory allow, one on a GPU.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def parse_seeds(text: str | None) -> tuple[int, ...] | None:
    """Read `--seeds`: None for the profile's, a number of seeds, or a comma-separated list.

    >>> parse_seeds(None), parse_seeds("3"), parse_seeds("4,7"), parse_seeds("5,")
    (None, (0, 1, 2), (4, 7), (5,))

    Raises:
        BadOption: anything else, no seed at all, or a seed twice.
    """
    if text is None:
        return None
    seeds: tuple[int, ...] = ()
    if re.fullmatch(r"[0-9]{1,5}", text):
        seeds = tuple(range(int(text)))
    elif "," in text and re.fullmatch(r"[0-9]{1,20}(,[0-9]{1,20})*,?", text):
        seeds = tuple(map(int, text.removesuffix(",").split(",")))
    if not seeds or len(set(seeds)) != len(seeds) or len(seeds) > MOST_SEEDS or max(seeds) > LARGEST_SEED:
        raise BadOption(
            f'--seeds "{text}" is not understood. Write a number of seeds (5, at most {MOST_SEEDS}) or different '
            f"seeds (0,1,7; each at most {LARGEST_SEED})."
        )
    return seeds


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    say(HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
