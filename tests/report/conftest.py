"""Real records: the committed ones, that of the tiny paper run on the spot, and variants made of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from pruneproof.papers.load import load_paper
from pruneproof.papers.record import PluginRecord, Record
from pruneproof.registry.catalog import build_catalog
from pruneproof.report.html import make_report
from pruneproof.report.table import completed, table_of

ROOT = Path(__file__).parents[2]
TINY_PLUGIN = """
    from pruneproof.api import Fact, Mechanism, hookimpl

    def adds_up(*, left: int = 1):
        return [Fact(f"{left} + {left}", str(2 * left), str(left + left), True)]

    @hookimpl
    def pruneproof_mechanisms():
        return [Mechanism("adds-up", adds_up, "arithmetic")]

    @hookimpl
    def pruneproof_papers():
        from pathlib import Path
        return [Path(__file__).parent / "tiny_paper"]
"""


@pytest.fixture(scope="session")
def catalog():
    return build_catalog(["builtin"])


@pytest.fixture(scope="session")
def papers():
    """Committed papers by id."""
    return {name: load_paper(ROOT / "papers" / name) for name in ("global-mp", "loss-modelling")}


@pytest.fixture(scope="session")
def records(catalog):
    """Return a committed record by paper and profile."""

    def read(paper, profile):
        [*_, path] = sorted((ROOT / "papers" / paper / "records").glob(f"{profile}-*.json"))
        return completed(Record.load(path), catalog)

    return read


@pytest.fixture(scope="session")
def record(records):
    """The committed record of global-mp."""
    return records("global-mp", "mini")


@pytest.fixture(scope="session")
def table(record):
    return table_of(record)


@pytest.fixture(scope="session")
def small(record):
    """A part of it that is quickly drawn: one run, two methods and the claims about them."""
    methods = ("dense", "global", "floor")
    cells = [cell for cell in record.cells if cell.run == "mobilenet" and cell.method in methods]
    return record.model_copy(update={"cells": tuple(cells)})


@pytest.fixture(scope="session")
def report(small, papers, catalog):
    """Everything that a report of the small record is made of."""
    return make_report(small, papers["global-mp"], catalog)


@pytest.fixture(scope="session")
def variant(small):
    """The small record as one whose settings were changed."""
    return small.model_copy(update={"variant": ("mobilenet.retrain.lr=0.2",), "claims": (), "only": ("mobilenet",)})


@pytest.fixture(scope="session")
def twins(record):
    """The record as a variant, `random` relabelled as what a third-party criterion makes of `global`."""
    cells = tuple(
        cell.model_copy(update={"method": "global-mine" if cell.method == "random" else cell.method})
        for cell in record.cells
        if cell.method in ("dense", "global", "random")
    )
    added = PluginRecord(name="mine", distribution="mine", version="1", origin="mine", digest="0" * 64, role="added")
    changes = {"cells": cells, "claims": (), "variant": ("criterion=mine",), "twins": ("mine",)}
    return record.model_copy(update=changes | {"plugins": (*record.plugins, added)})


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """Run the tiny paper in a process of its own; return the folder of its report and that of the paper."""
    site = tmp_path_factory.mktemp("site")
    (site / "tiny_plugin.py").write_text(dedent(TINY_PLUGIN), encoding="utf-8")
    facts = site / "tiny_paper-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-paper\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[pruneproof]\ntiny-paper = tiny_plugin\n")
    shutil.copytree(ROOT / "tests" / "tiny_paper", site / "tiny_paper")
    code = "from pruneproof.cli import main; main()"
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            "run",
            "tiny",
            "--workers",
            "1",
            "--device",
            "cpu",
            "--store",
            str(site / "store"),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        check=False,
        text=True,
    )
    assert found.returncode in (0, 1, 2), found.stderr
    return site / "store" / "reports" / "tiny" / "mini", site / "tiny_paper"


@pytest.fixture(scope="session")
def tiny_record(tiny_run):
    return Record.load(tiny_run[0] / "record.json")


@pytest.fixture(scope="session")
def tiny_paper(tiny_run):
    return load_paper(tiny_run[1])
