"""`repro list`: the papers that can be run, with the verdicts of their last runs."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pruneproof.cli.options import JsonOption, PluginOption, StoreOption, print_json
from pruneproof.cli.output import say, say_indented, tell
from pruneproof.errors import StoreCorrupt
from pruneproof.runs.places import store_path


def list_papers(json: JsonOption = False, store: StoreOption = None, plugin: PluginOption = None) -> int:
    """List the papers that can be run, with the verdicts of their last runs.

    Exit status: 0 all is well, 74 a record or a stage of the store is damaged.
    """
    from pruneproof.papers.load import list_papers as read_papers
    from pruneproof.papers.record import told
    from pruneproof.pipeline.store import Store
    from pruneproof.registry.catalog import survey

    papers = read_papers(survey(of=(), files=plugin or ()).paper_folders)
    root = store_path(store)
    damage: list[str] = []
    verdicts = {info.id: _verdicts(root, root / "reports" / info.id, damage.append) for info in papers}
    try:
        Store(root).stages()
    except StoreCorrupt as problem:
        damage.append(str(problem))
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
    for info in () if json else papers:
        say(f"{info.id}  (arXiv {info.arxiv}, {info.year})")
        say_indented(info.title)
        for profile, counts in verdicts[info.id].items():
            say_indented(f"{profile}: {told(counts)}")
        if not verdicts[info.id]:
            say_indented(f"not run yet here; start with: repro run {info.id}")
    for line in damage:
        tell(f"repro: {line}")
    return StoreCorrupt.status if damage else 0


def _verdicts(root: Path, folder: Path, warn: Callable[[str], None]) -> dict[str, dict[str, int]]:
    """Return profile -> verdict -> count, from the records of whole runs; `warn` hears of each damaged record."""
    found: dict[str, dict[str, int]] = {}
    for path in sorted(folder.glob("*/record.json")):
        try:
            profile, verdicts = _whole_run(path, root)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            warn(f"record {path} cannot be read: {problem}. Run the paper again to make it anew.")
            continue
        if profile is not None:
            found[profile] = verdicts
    return found


def _whole_run(path: Path, root: Path) -> tuple[str | None, dict[str, int]]:
    """Return the profile and the verdicts of a record; no profile for a part of a run or a variant.

    Only what is needed is looked at, so that listing stays quick.
    """
    from pruneproof.values.opening import read_json

    record: dict[str, Any] = read_json(path, inside=root)
    is_altered = record.get("variant") or any(each.get("role") == "added" for each in record["plugins"])
    verdicts = dict(Counter(str(claim["verdict"]) for claim in record["claims"]))
    return (None if is_altered or record.get("only") else str(record["profile"])), verdicts
