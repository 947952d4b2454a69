"""`repro plugins`: what is installed, what it registers, and from where."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pruneproof.cli.options import JsonOption, PluginOption, print_json
from pruneproof.cli.output import say, say_indented

if TYPE_CHECKING:
    from pruneproof.papers.schema import PaperInfo


def plugins(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these.")] = None,
    plugin: PluginOption = None,
    json: JsonOption = False,
) -> int:
    """List plugins: name, version, origin, what each registers and from which file, and those that are broken.

    Exit status: 0 all can be used, 69 one is broken.
    """
    from pruneproof.errors import BadPlugin, UnknownName
    from pruneproof.registry.catalog import survey
    from pruneproof.registry.kinds import KINDS

    found = survey(files=plugin or ())
    known = [each.name for each in (*found.catalog.plugins, *(bad for bad, _ in found.broken))]
    for name in names or ():
        if name not in known:
            raise UnknownName.among("plugin", name, known)
    shown = [each for each in found.catalog.plugins if not names or each.name in names]
    broken = [(each, reason) for each, reason in found.broken if not names or each.name in names]
    registered = {
        each.name: {
            kind.noun: {
                entry.id: entry.where for entry in found.catalog.entries(kind.of).values() if entry.plugin == each
            }
            for kind in KINDS
        }
        | {"paper": {info.id: str(folder) for folder, info in _papers(found.papers[each.name])}}
        for each in shown
    }
    if json:
        print_json(
            [vars(usable) | {"digest": usable.digest(), "registers": registered[usable.name]} for usable in shown]
            + [vars(bad) | {"broken": reason} for bad, reason in broken]
        )
        return BadPlugin.status if broken else 0
    for usable in shown:
        say(f"{usable.name}  {usable.distribution} {usable.version}  ({usable.target})")
        for kind, ids in registered[usable.name].items():
            if ids:
                say_indented(f"{kind}: {', '.join(ids)}")
    for bad, reason in broken:
        say(f"{bad.name}  {bad.distribution} {bad.version}  BROKEN: {reason}")
    return BadPlugin.status if broken else 0


def _papers(folders: Iterable[Path]) -> Iterator[tuple[Path, "PaperInfo"]]:
    from pruneproof.papers.load import list_papers

    for folder in folders:
        yield from zip([folder], list_papers([folder]), strict=True)
