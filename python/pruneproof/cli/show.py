"""`repro show PAPER`: claims, runs, profiles and what they cost."""

from collections import Counter

from pruneproof.cli.options import JsonOption, Paper, PluginOption, print_json
from pruneproof.cli.output import console


def show(paper: Paper, plugin: PluginOption = None, json: JsonOption = False) -> None:
    """Show a paper: its claims, runs, profiles and their estimated cost."""
    from pruneproof.papers.installed import open_paper

    found = open_paper(paper, plugin or ())
    if json:
        content = {"paper": found.info, "runs": found.runs, "claims": found.claims}
        print_json({key: value.model_dump(mode="json") for key, value in content.items()})
        return
    from rich.table import Table
    from rich.text import Text

    from pruneproof.papers.framework import rows_of
    from pruneproof.pipeline.planning import estimate
    from pruneproof.registry.catalog import build_catalog

    catalog = build_catalog(found.info.plugins, files=plugin or ())
    out = console(highlight=False)
    info = found.info
    about = f"\n{', '.join(info.authors)} ({info.year}), arXiv {info.arxiv}\n\n{info.about}"
    out.print(Text.assemble((info.title, "bold"), about))
    profiles = Table(
        "profile", "scale", "hardware", "minutes", "seeds", "networks", "epochs", title="Profiles", title_justify="left"
    )
    for name, profile in found.runs.profiles.items():
        networks, epochs = estimate(found, name, catalog)
        minutes = "unknown" if profile.minutes is None else f"about {profile.minutes:g}"
        profiles.add_row(
            name, profile.scale, profile.hardware, minutes, str(len(profile.seeds)), str(networks), str(epochs)
        )
    out.print(profiles)
    runs = Table("profile", "run", "model", "data", "methods", "sparsities", title="Runs", title_justify="left")
    for name in found.runs.profiles:
        for run_id, run in found.runs.runs(name).items():
            methods = ", ".join(dict.fromkeys(each.method for each in run.methods))
            levels = sorted({each for method in run.methods for each in method.sparsities or run.sparsities})
            runs.add_row(
                name, run_id, run.model.id, run.data, methods or "dense only", ", ".join(f"{each:g}" for each in levels)
            )
    out.print(runs)
    framework = Table(
        "mask from",
        "weights from",
        "changed by",
        "trained",
        "mask in training",
        "methods",
        title="Where masks and weights come from",
        title_justify="left",
    )
    smallest = next(name for name in found.runs.profiles if found.runs.runs(name))
    for origin, alike in rows_of(found.runs.runs(smallest)).items():
        framework.add_row(*origin, ", ".join(alike))
    framework.caption = f"profile {smallest}; w(0) is the initialisation, w(K) the end of a recipe"
    out.print(framework)
    claims = Table("claim", "kind", "where", "reported", title="Claims", title_justify="left")
    for claim in found.claims.claim:
        claims.add_row(Text.assemble((claim.id, "bold"), f" {claim.text}"), claim.kind, claim.where, claim.reported)
    out.print(claims)
    kinds = Counter(claim.kind for claim in found.claims.claim)
    out.print(", ".join(f"{number} {kind}" for kind, number in kinds.items()) + " claims")
    for caveat in info.caveats:
        out.print(f"Note: {caveat}")
