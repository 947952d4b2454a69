"""`repro cite PAPER`: the paper, the methods its runs use, and this package."""

from pruneproof.cli.options import JsonOption, Paper, print_json


def cite(paper: Paper, json: JsonOption = False) -> None:
    """Print how to cite a paper, the methods, models and data its runs use, and pruneproof."""
    from pruneproof.pipeline.run import open_paper
    from pruneproof.registry.catalog import build_catalog

    found = open_paper(paper)
    catalog = build_catalog(found.info.plugins)
    used: dict[str, str] = {}
    for profile in found.runs.profiles:
        for run in found.runs.runs(profile).values():
            wanted = [("model", run.model.id), ("data set", run.data)]
            for arm in run.arms:
                wanted += [("criterion", arm.criterion.id), ("schedule", arm.schedule.id)]
                wanted += [("allocation", arm.scope.id)] if arm.scope.id != "global" else []
            for kind, name in wanted:
                used[f"{kind} {name}"] = str(catalog.entry(kind, name).value.source)
    bibtex = (found.folder / "citation.bib").read_text(encoding="utf-8").strip()
    if json:
        print_json({"bibtex": bibtex, "uses": used})
        return
    print(bibtex)
    print("\nIts runs use:")
    for name, source in sorted(used.items()):
        print(f"    {name}: {source}")
    print("\nAnd this package: see CITATION.cff of pruneproof.")
