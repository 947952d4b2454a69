"""`repro new KIND NAME`: a package of your own, copied from the tutorial that ships with this one."""

import re
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Annotated

import typer

from pruneproof.cli.options import JsonOption, print_json, to_folder, to_path
from pruneproof.cli.output import say
from pruneproof.errors import BadOption, StoreUnwritable, UnknownName
from pruneproof.registry.kinds import KINDS
from pruneproof.registry.shipped import shipped

TEMPLATE = shipped("template")
PATTERN = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_MODULES = {path.stem for path in (TEMPLATE / "src" / "pruneproof_template").glob("*")}


def _module(word: str) -> str:
    return word.replace("-", "_")


NOUNS = {
    word: noun
    for word, noun in {**{kind.word: kind.noun for kind in KINDS}, "paper": "paper"}.items()
    if _module(word) in _MODULES
}
"""Kind as the command line calls it -> its noun; those that the template has a module for."""


def new(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"What the package registers: {', '.join(NOUNS)}.")],
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Its id, and the name of the package: lower-case words and hyphens."),
    ],
    into: Annotated[
        Path, typer.Option("--into", metavar="DIR", help="Where the package's folder is made.", parser=to_folder)
    ] = Path(),
    json: JsonOption = False,
) -> None:
    """Write a package with one criterion, model, metric, paper, ... that installs, passes its tests and can be used."""
    if kind not in NOUNS:
        raise UnknownName.among("kind", kind, NOUNS)
    if not re.fullmatch(PATTERN, name):
        raise BadOption(f'"{name}" cannot be an id and a package. Write lower-case words and hyphens: my-score.')
    module = _module(name)
    if iskeyword(module) or find_spec(module) is not None:
        raise BadOption(f'"{name}" would be the module "{module}", which Python has already. Choose another name.')
    folder = to_path(into / name).resolve()
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
    say(f"{folder}")
    for path in sorted(files):
        say(f"    {path}")
    say(f"Next: repro install {folder}")


def parts(kind: str) -> dict[str, str]:
    """Return path -> text of the template's files that a package of one kind needs."""
    others = [each for each in NOUNS if each != kind]
    left_out = {*map(_module, others), "__pycache__", ".pytest_cache", ".hypothesis"}
    found: dict[str, str] = {}
    for path in sorted(TEMPLATE.rglob("*")):
        place = path.relative_to(TEMPLATE)
        words = {part.removeprefix("test_").removesuffix(".py") for part in place.parts}
        if path.is_file() and words.isdisjoint(left_out):
            found[place.as_posix()] = path.read_text(encoding="utf-8")
    found = {place: text for place, text in found.items() if "egg-info" not in place and not place.startswith("build/")}
    entries = tuple(f"template-{each} = " for each in others)
    lines = found["pyproject.toml"].splitlines(keepends=True)
    found["pyproject.toml"] = "".join(line for line in lines if not line.startswith(entries))
    top, *sections = found["README.md"].split("\n## ")
    own = [each for each in sections if each.startswith(f"The {NOUNS[kind]}\n")]
    found["README.md"] = "\n## ".join([top, *own])
    return found


def rename(text: str, kind: str, name: str) -> str:
    """Put a name in the place of the template's.

    >>> rename("from pruneproof_template.floor import template_floor  # template-floor", "floor", "my-floor")
    'from my_floor.floor import my_floor  # my-floor'
    """
    own, module = f"template-{kind}", _module(name)
    spellings = {"pruneproof-template": name, "pruneproof_template": module}
    spellings |= {own: name, _module(own): module, _module(own).upper(): module.upper()}
    for old, replacement in spellings.items():
        text = text.replace(old, replacement)
    return text
