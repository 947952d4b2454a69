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


def tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "site" / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def assemble():
    return tool("assemble")


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


def test_files_that_a_page_links_to_come_along_and_folders_get_a_first_page(assemble, tmp_path):
    text = "[a](runs.toml) [b](records/) [c](README.md#tables) [d](https://x.org/) [e](nowhere/)"
    told = assemble.with_targets(Path("papers/global-mp/VERDICTS.md"), text, tmp_path)
    assert told == text.replace("records/", "records/README.md")
    assert (tmp_path / "papers/global-mp/runs.toml").is_file()
    for record in (tmp_path / "papers/global-mp/records").glob("mini-*.json"):
        assert f"[{record.name}]({record.name})" in (record.parent / "README.md").read_text()
    assert not (tmp_path / "papers/global-mp/README.md").exists()


def test_links_of_the_built_site_that_lead_nowhere_are_told(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "index.html").write_text('<h1 id="top">x</h1> <a href="../#here">y</a>')
    links = ["sub/#top", "sub/", "sub/#bottom", "gone.html", "https://x.org/gone", "#here", "mailto:a@b.c"]
    (tmp_path / "index.html").write_text('<p id="here">' + "".join(f'<a href="{each}">z</a>' for each in links))
    assert tool("check_links").dead_links(tmp_path) == ["index.html: sub/#bottom", "index.html: gone.html"]
