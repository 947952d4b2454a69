"""docs/site: every page that it names exists or is made, and every page of docs can be reached from it."""

import importlib.util
import re
from pathlib import Path

import pytest
import typer

from pruneproof import __all__ as offered
from pruneproof.cli.app import app

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "docs" / "site" / "mkdocs.yml").read_text(encoding="utf-8")
NAV = re.findall(r"([\w./-]+\.md)$", CONFIG.split("\nnav:\n")[1], re.MULTILINE)
MADE = {"reference/cli.md", "reference/python.md", "reference/api.md", "papers/README.md"}


@pytest.fixture(scope="module")
def assemble():
    spec = importlib.util.spec_from_file_location("assemble", ROOT / "docs" / "site" / "assemble.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_every_page_of_the_navigation_exists_once(assemble):
    sources = {path.as_posix() for path in assemble.sources()}
    assert set(NAV) - MADE <= sources
    assert set(NAV) >= MADE
    assert len(NAV) == len(set(NAV))


def test_every_page_of_docs_and_papers_is_in_the_navigation():
    pages = {path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("papers/*/*.md")]}
    assert pages <= set(NAV)


def test_the_reference_tells_every_verb_and_option(assemble):
    page = assemble.cli_page()
    for verb, command in typer.main.get_command(app).commands.items():
        assert f"\n## repro {verb}\n" in page
        for option in (each for parameter in command.params for each in parameter.opts if each.startswith("--")):
            assert option in page.split(f"\n## repro {verb}\n")[1].split("\n## ")[0]


def test_the_page_for_python_has_all_that_the_package_offers(assemble):
    assert set(assemble.PYTHON) == set(offered)
