"""Another package brings a paper and all that the paper names: it is run, judged, reported and verified as it is."""

import shutil
from pathlib import Path

import pytest

from pruneproof.papers.record import Record

HERE = Path(__file__).parent / "whole_paper"
FAST = ("--profile", "pocket", "--device", "cpu", "--workers", 1)
OWN = {
    "criterion": "own-saliency", "metric": "own-rows", "floor": "own-floor", "counting rule": "own-count",
    "structure": "own-pairs", "update": "own-swap", "transform": "own-mirror", "mask search": "own-search",
    "regularizer": "own-cubes", "claim test": "own-minimum", "figure": "own-dots", "mechanism": "own-sums",
    "paper": "whole",
}  # fmt: skip


@pytest.fixture
def whole(install):
    """Install the plugin; its paper lies next to its module."""
    file = install("whole", (HERE / "plugin.py").read_text(encoding="utf-8"), version="4.2")
    shutil.copytree(HERE / "paper", file.parent / "whole_paper")
    return file


def test_it_registers_one_of_each_kind(whole, repro):
    [found] = repro("plugins", "whole", "--json").json
    assert {kind: list(ids) for kind, ids in found["registers"].items() if ids} == {
        kind: [name] for kind, name in OWN.items()
    }


@pytest.fixture
def ran(whole, repro):
    return repro("run", "whole", *FAST)


def test_it_runs_and_all_its_claims_are_judged(ran, folders):
    assert ran.status == 0, ran.err
    record = Record.load(folders / "store" / "reports" / "whole" / "pocket" / "record.json")
    assert {claim.id: claim.verdict for claim in record.claims} == {
        "recognised": "holds",
        "sums": "holds",
        "fair": "holds",
    }
    cells = {(cell.method, cell.seed): cell.measured for cell in record.cells}
    assert len(cells) == 7 * 2
    total = 64 * 16 + 16 * 10
    ends = {method: measured["end"] for (method, seed), measured in cells.items() if seed == 0}
    kept = {method: end["densities"] for method, end in ends.items() if method != "dense"}
    first, second = (kept["criterion-floor-count"][name] for name in sorted(kept["criterion-floor-count"]))
    assert round(first * 16 * 10 + second * 64 * 16) == total // 2 // 2 * 2
    assert first >= 0.25
    assert all(set(cells["update", seed]["end"]["own-rows"]) == set(kept["update"]) for seed in (0, 1))
    assert record.metrics["own-rows"].unit == "rows"
    assert {plugin.name: plugin.version for plugin in record.plugins} == {
        "builtin": record.plugins[0].version,
        "whole": "4.2",
    }


def test_its_report_shows_its_metric_figure_and_claims(ran, repro, folders):
    folder = folders / "store" / "reports" / "whole" / "pocket"
    report = (folder / "report.md").read_text(encoding="utf-8")
    for words in ("Dots of 7 methods", "More than a fifth", "One and one", "train for as long"):
        assert words in report, words
    assert [path.name for path in (folder / "figures").iterdir()] == ["net-dots.svg"]
    before = (folder / "report.html").read_bytes()
    assert repro("report", "whole", "--profile", "pocket").status == 0
    assert (folder / "report.html").read_bytes() == before


def test_it_can_be_verified(ran, repro):
    found = repro("verify", "whole", "--profile", "pocket", "--workers", 1)
    assert found.status == 0, found.err
    assert "digests agree" in found.out


def test_its_things_work_in_the_papers_that_ship_too(whole, repro):
    settings = ("--set", "mlp.methods.global.select.floor=own-floor", "--only", "mlp/global")
    plan = repro("plan", "global-mp", "--with", "whole", *settings, "--seeds", 1, "--device", "cpu", "--json").json
    [prune, *_] = [stage for stage in plan["stages"] if stage["kind"] == "prune"]
    assert prune["inputs"]["selection"]["floor"]["origin"].startswith("whole 4.2, source ")
