"""The core names no paper, and no metric, figure or claim test that is a plugin's."""

import ast
import tomllib
from pathlib import Path

import pytest

from pruneproof.contracts.claims import ClaimTest
from pruneproof.contracts.figure import Figure
from pruneproof.contracts.metric import METRIC_INGREDIENTS, Metric
from pruneproof.registry.catalog import build_catalog

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "python" / "pruneproof"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
[_GUESTS] = [each["source_modules"] for each in CONTRACTS if "are guests" in each["name"]]
GUESTS = {module.removeprefix("pruneproof.") for module in _GUESTS}
CORE = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not {path.relative_to(PACKAGE).parts[0].removesuffix(".py")} & {*GUESTS, "_template", "_papers", "builtin"}
]
PAPERS = {path.parent.name for path in ROOT.glob("papers/*/paper.toml")}
IDS = {
    each.value.id for kind in (ClaimTest, Figure, Metric) for each in build_catalog(["builtin"]).entries(kind).values()
}
SHARED = {*METRIC_INGREDIENTS, "sparsity", "parameters", "threshold", "filters"}
"""Ids that are also names of ingredients, columns and facts, which the core has of its own."""
ALLOWED = {
    "papers/schema.py": {"accuracy", "densities"},  # what is measured where runs.toml names nothing
    "papers/record_text.py": {"accuracy", "train-loss", "last-epoch-loss", "densities", "empty-tensors", "loss-change",
                              "loss-gap", "error-gap"},  # reads records of the format before metrics had names
    "pipeline/mutants.py": {"accuracy", "accuracy-best"},  # the mistake of reporting the best epoch names both
    "report/figures.py": {"forest", "strip", "curves"},  # the figures of a paper that declares none
    "testing/metric_laws.py": {"accuracy", "diverged"},  # a training's history, as a metric gets it
}  # fmt: skip


def names_in(source):
    """Return the strings of a module other than its prose: docstrings, and texts of more than one word."""
    tree = ast.parse(source)
    constants = {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    prose = {node.value.value for node in ast.walk(tree)
             if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}  # fmt: skip
    return {each for each in constants - prose if " " not in each}


def strange(source, allowed=frozenset()):
    """Return the names of papers and plugins in a module."""
    found = names_in(source)
    papers = {each for each in found for paper in PAPERS if paper in each}
    return (found & IDS - SHARED) - set(allowed) | papers


def test_there_are_papers_plugins_and_a_core():
    assert {"global-mp", "loss-modelling"} <= PAPERS
    assert {"accuracy", "paired-difference", "curves"} <= IDS
    assert {"metrics", "figures", "claim_tests"} <= GUESTS
    assert len(CORE) > 150


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_of_the_core_names_none(path):
    allowed = ALLOWED.get(path.relative_to(PACKAGE).as_posix(), set())
    source = path.read_text(encoding="utf-8")
    assert strange(source, allowed) == set()
    assert allowed <= names_in(source)


@pytest.mark.parametrize(
    "line",
    ['if paper.id == "global-mp": ...', 'x = "../global-mp/runs.toml"', 'measured["accuracy"]', '"test-loss" in names',
     'figure("heatmap")', 'test = "equivalence"'],
)  # fmt: skip
def test_a_name_that_is_put_into_the_core_is_found(line):
    source = (PACKAGE / "pipeline" / "fold.py").read_text(encoding="utf-8")
    assert strange(source) == set()
    assert strange(f"{source}\n{line}\n") != set()
