"""`repro cite PAPER`: the paper, the methods its runs use, and this package."""

from typing import Any

from pruneproof.cli.options import JsonOption, Paper, print_json
from pruneproof.cli.output import say
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.model import Model


def cite(paper: Paper, json: JsonOption = False) -> None:
    """Print how to cite a paper, the methods, models and data its runs use, and pruneproof."""
    from pruneproof.papers.check_names import named_by
    from pruneproof.papers.installed import open_paper
    from pruneproof.papers.short_form import steps_of
    from pruneproof.registry.catalog import build_catalog
    from pruneproof.registry.kinds import kind_of

    found = open_paper(paper)
    catalog = build_catalog(found.info.plugins)
    used: dict[str, str] = {}
    for profile in found.runs.profiles:
        for run in found.runs.runs(profile).values():
            wanted: list[tuple[type[Any], str]] = [(Model, run.model.id), (DataSet, run.data)]
            for method in run.methods:
                steps = steps_of(run, method)
                wanted += [
                    (of, chosen.id) for of, chosen in named_by(steps) if hasattr(catalog.get(of, chosen.id), "source")
                ]
            for of, name in wanted:
                used[f"{kind_of(of).noun} {name}"] = str(catalog.get(of, name).source or "")
    bibtex = (found.folder / "citation.bib").read_text(encoding="utf-8").strip()
    if json:
        print_json({"bibtex": bibtex, "uses": used})
        return
    say(bibtex)
    say("\nIts runs use:")
    for name, source in sorted(used.items()):
        say(f"    {name}: {source}")
    say("\nAnd this package: see CITATION.cff of pruneproof.")
