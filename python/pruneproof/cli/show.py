"""`repro show PAPER`: claims, runs, profiles and what they cost."""

from collections import Counter
from typing import TYPE_CHECKING

from pruneproof.cli.options import JsonOption, Paper, PluginOption, print_json
from pruneproof.cli.output import console

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def show(paper: Paper, plugin: PluginOption = None, json: JsonOption = False) -> None:
    """Show a paper: its questions, claims, runs, profiles and their estimated cost."""
    from pruneproof.papers.installed import open_paper

    found = open_paper(paper, plugin or ())
    if json:
        content = {"paper": found.info, "runs": found.runs, "claims": found.claims}
        print_json({key: value.model_dump(mode="json") for key, value in content.items()})
        return
    from rich.text import Text

    from pruneproof.papers.framework import rows_of
    from pruneproof.pipeline.planning import estimate
    from pruneproof.registry.catalog import build_catalog

    catalog = build_catalog(found.info.plugins, files=plugin or ())
    out = console(highlight=False)
    info = found.info
    about = f"\n{', '.join(info.authors)} ({info.year}), arXiv {info.arxiv}\n\n{info.about}"
    out.print(Text.assemble((info.title, "bold"), about))
    _section(out, "Questions", [Text(f"- {each.question}") for each in found.claims.finding])
    profiles = []
    for name, profile in found.runs.profiles.items():
        networks, epochs = estimate(found, name, catalog)
        minutes = "unknown time" if profile.minutes is None else f"about {profile.minutes:g} minutes"
        cost = f"{len(profile.seeds)} seeds, {networks} networks, {epochs} epochs"
        profiles.append(_entry(name, f"{profile.scale} scale, {profile.hardware}, {minutes}: {cost}"))
    _section(out, "Profiles", profiles)
    runs = []
    for name in found.runs.profiles:
        for run_id, run in found.runs.runs(name).items():
            methods = ", ".join(dict.fromkeys(each.method for each in run.methods))
            levels = sorted({each for method in run.methods for each in method.sparsities or run.sparsities})
            at = f" at sparsities {', '.join(f'{each:g}' for each in levels)}" if levels else ""
            runs.append(_entry(f"{name}/{run_id}", f"{run.model.id} on {run.data}{at}", methods or "dense only"))
    _section(out, "Runs, with their methods", runs)
    smallest = next(name for name in found.runs.profiles if found.runs.runs(name))
    framework = [
        _entry(
            ", ".join(alike),
            f"mask from {origin.mask}; weights from {origin.weights}"
            f"{f', changed by {origin.changed}' if origin.changed else ''}; trained {origin.trained}; "
            f"mask in training: {origin.over_time}",
        )
        for origin, alike in rows_of(found.runs.runs(smallest)).items()
    ]
    where = f"Where masks and weights come from (profile {smallest}; w(0) initial, w(K) trained by a recipe)"
    _section(out, where, framework)
    claims = []
    for claim in found.claims.claim:
        reported = f"; reported {claim.reported}" if claim.reported else ""
        claims.append(_entry(claim.id, claim.text, f"{claim.kind}; {claim.where}{reported}"))
    kinds = Counter(claim.kind for claim in found.claims.claim)
    _section(out, f"Claims: {', '.join(f'{number} {kind}' for kind, number in kinds.items())}", claims)
    _section(out, "Notes", [Text(f"- {caveat}") for caveat in info.caveats])


def _section(out: "Console", title: str, entries: "list[RenderableType]") -> None:
    """Print a title and what stands below it; nothing where there is nothing."""
    from rich.padding import Padding
    from rich.text import Text

    if entries:
        out.print(Text(f"\n{title}", style="bold"))
    for each in entries:
        out.print(Padding(each, (0, 0, 0, 2), expand=False))


def _entry(name: str, text: str, more: str = "") -> "RenderableType":
    """Return a name with its text, and a paler text below it; all of them wrap at any width."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    first = Text.assemble((name, "bold"), "  ", text)
    return Group(first, Padding(Text(more, style="dim"), (0, 0, 0, 2), expand=False)) if more else first
