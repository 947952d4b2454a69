"""`repro cite PAPER`: the paper, the methods its runs use, and this package."""

from typing import Any

from pruneproof.cli.options import JsonOption, Paper, print_json
from pruneproof.contracts.allocation import Allocation
from pruneproof.contracts.criterion import Criterion
from pruneproof.contracts.dataset import DataSet
from pruneproof.contracts.model import Model
from pruneproof.contracts.schedule import Schedule


def cite(paper: Paper, json: JsonOption = False) -> None:
    """Print how to cite a paper, the methods, models and data its runs use, and pruneproof."""
    from pruneproof.pipeline.run import open_paper
    from pruneproof.registry.catalog import build_catalog
    from pruneproof.registry.kinds import kind_of
    from pruneproof.selection.rules import SCOPES

    found = open_paper(paper)
    catalog = build_catalog(found.info.plugins)
    used: dict[str, str] = {}
    for profile in found.runs.profiles:
        for run in found.runs.runs(profile).values():
            wanted: list[tuple[type[Any], str]] = [(Model, run.model.id), (DataSet, run.data)]
            for arm in run.arms:
                wanted += [(Criterion, arm.criterion.id), (Schedule, arm.schedule.id)]
                wanted += [(Allocation, arm.select.scope.id)] if arm.select.scope.id not in SCOPES else []
            for of, name in wanted:
                used[f"{kind_of(of).noun} {name}"] = str(catalog.get(of, name).source)
    bibtex = (found.folder / "citation.bib").read_text(encoding="utf-8").strip()
    if json:
        print_json({"bibtex": bibtex, "uses": used})
        return
    print(bibtex)
    print("\nIts runs use:")
    for name, source in sorted(used.items()):
        print(f"    {name}: {source}")
    print("\nAnd this package: see CITATION.cff of pruneproof.")
