"""`repro new KIND NAME`: a package of your own, copied from the tutorial that ships with this one."""

import re
from enum import StrEnum
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Annotated

import typer

from pruneproof.cli.options import JsonOption, print_json
from pruneproof.errors import BadOption, StoreUnwritable

TEMPLATE = Path(__file__).parents[1] / "_template"
PATTERN = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"


class Kind(StrEnum):
    """What the package registers."""

    CRITERION = "criterion"
    MODEL = "model"
    SCHEDULE = "schedule"
    PAPER = "paper"


IDS = {Kind.CRITERION: "template-score", Kind.MODEL: "template-model"} | {
    Kind.SCHEDULE: "template-schedule",
    Kind.PAPER: "template-paper",
}
"""What the template calls the thing of each kind."""


def new(
    kind: Annotated[Kind, typer.Argument(help="What the package registers.")],
    name: Annotated[str, typer.Argument(help="Its id, and the name of the package: lower-case words and hyphens.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where the package's folder is made.")] = Path(),
    json: JsonOption = False,
) -> None:
    """Write a package with a criterion, model, schedule or paper that installs, passes its tests and can be run."""
    if not re.fullmatch(PATTERN, name):
        raise BadOption(f'"{name}" cannot be an id and a package. Write lower-case words and hyphens: my-score.')
    module = name.replace("-", "_")
    if iskeyword(module) or find_spec(module) is not None:
        raise BadOption(f'"{name}" would be the module "{module}", which Python has already. Choose another name.')
    folder = (into / name).expanduser().resolve()
    if folder.exists():
        raise BadOption(f"{folder} exists already. Choose another name, or another folder with --into.")
    files = {rename(path, kind, name): rename(text, kind, name) for path, text in parts(kind).items()}
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise StoreUnwritable(f"{folder} cannot be written: {problem.strerror}. Choose another --into.") from problem
    if json:
        print_json({"folder": str(folder), "files": sorted(files)})
        return
    print(f"{folder}")
    for path in sorted(files):
        print(f"    {path}")
    print(f"Next: repro install {folder}")


def parts(kind: Kind) -> dict[str, str]:
    """Return path -> text of the template's files that a package of one kind needs."""
    found: dict[str, str] = {}
    for path in sorted(TEMPLATE.rglob("*")):
        place = path.relative_to(TEMPLATE)
        others = {each.value for each in Kind} - {kind.value}
        words = {part.removeprefix("test_").removesuffix(".py") for part in place.parts}
        if path.is_file() and words.isdisjoint({*others, "__pycache__", ".pytest_cache", ".hypothesis"}):
            found[place.as_posix()] = path.read_text(encoding="utf-8")
    found = {place: text for place, text in found.items() if "egg-info" not in place and not place.startswith("build/")}
    entries = [f"{IDS[each]} = " for each in Kind if each is not kind]
    found["pyproject.toml"] = "".join(
        line for line in found["pyproject.toml"].splitlines(keepends=True) if not line.startswith(tuple(entries))
    )
    sections = found["README.md"].split("\n## ")
    found["README.md"] = "\n## ".join([sections[0], *(each for each in sections if each.startswith(f"The {kind}\n"))])
    return found


def rename(text: str, kind: Kind, name: str) -> str:
    """Put a name in the place of the template's.

    >>> rename("from pruneproof_template.criterion import template_score  # template-score", Kind.CRITERION, "my-one")
    'from my_one.criterion import my_one  # my-one'
    """
    spellings = {"pruneproof-template": name, "pruneproof_template": name.replace("-", "_")}
    own = IDS[kind]
    spellings |= {own: name, own.replace("-", "_"): name.replace("-", "_")}
    spellings |= {own.replace("-", "_").upper(): name.replace("-", "_").upper()}
    for old, replacement in spellings.items():
        text = text.replace(old, replacement)
    return text
