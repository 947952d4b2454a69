"""`repro list`: the papers that can be run, with the verdicts of their last runs."""

import json as json_module
from collections import Counter
from pathlib import Path

from pruneproof.cli.options import JsonOption, PluginOption, StoreOption, print_json, store_path


def list_papers(json: JsonOption = False, store: StoreOption = None, plugin: PluginOption = None) -> None:
    """List the papers that can be run, with the verdicts of their last runs."""
    from pruneproof.papers.load import list_papers as read_papers
    from pruneproof.papers.record import VERDICTS
    from pruneproof.registry.catalog import survey

    papers = read_papers(survey(of=(), files=plugin or ()).paper_folders)
    verdicts = {info.id: _verdicts(store_path(store) / "reports" / info.id) for info in papers}
    if json:
        print_json(
            [
                {
                    "id": info.id,
                    "arxiv": info.arxiv,
                    "title": info.title,
                    "year": info.year,
                    "verdicts": verdicts[info.id],
                }
                for info in papers
            ]
        )
        return
    for info in papers:
        print(f"{info.id}  (arXiv {info.arxiv}, {info.year})")
        print(f"    {info.title}")
        for profile, counts in verdicts[info.id].items():
            told = [f"{counts[verdict]} {word}" for verdict, word in VERDICTS.items() if counts.get(verdict)]
            print(f"    {profile}: {', '.join(told)}")
        if not verdicts[info.id]:
            print(f"    not run yet here; start with: repro run {info.id}")


def _verdicts(folder: Path) -> dict[str, dict[str, int]]:
    """Return profile -> verdict -> count, from the records of whole runs; a damaged record is passed over."""
    found: dict[str, dict[str, int]] = {}
    for path in sorted(folder.glob("*/record.json")):
        try:
            record = json_module.loads(path.read_text(encoding="utf-8"))
            is_altered = record.get("variant") or any(each.get("role") == "added" for each in record["plugins"])
            if not is_altered and not record.get("only"):
                found[record["profile"]] = dict(Counter(claim["verdict"] for claim in record["claims"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return found
